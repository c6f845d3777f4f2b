/**
 * What a device process must not forget when it dies: its epoch, the number of its start. A port,
 * with an adapter to files and one to memory.
 */
import type { Error as Platform } from "@effect/platform"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { Epoch } from "@plantd/core"
import { Context, Effect, Layer, Option, Schema } from "effect"

/** The store cannot give a new epoch; without one the device process must not start. */
export class DriverStoreError extends Schema.TaggedError<DriverStoreError>()("DriverStoreError", {
  device: Schema.String,
  /** Where the store keeps what it knows. */
  place: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot take a new epoch for device ${this.device} in ${this.place}: ${this.detail}`
  }
}

/** Keeps the epochs of devices. */
export interface DriverStoreService {
  /** One more than the last; stored beyond the loss of power before it is given. */
  readonly nextEpoch: (device: string) => Effect.Effect<Epoch.Epoch, DriverStoreError>
}

/** The store in use. */
export class DriverStore extends Context.Tag("@plantd/hardware/DriverStore")<
  DriverStore,
  DriverStoreService
>() {}

/** Forgets all with the process: for tests, and for devices whose readings nobody orders. */
export const memory: Layer.Layer<DriverStore> = Layer.sync(DriverStore, () => {
  const epochs = new Map<string, Epoch.Epoch>()
  return {
    nextEpoch: (device) =>
      Effect.sync(() => {
        const last = epochs.get(device)
        const next = last === undefined ? Epoch.first : Epoch.next(last)
        epochs.set(device, next)
        return next
      })
  }
})

/**
 * One small JSON file a device in `directory`, which is made where it is missing. A file that
 * cannot be read as an epoch is an error, never a new beginning: epochs must not shrink.
 */
export const file = (
  directory: string
): Layer.Layer<DriverStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    DriverStore,
    Effect.zipWith(FileSystem.FileSystem, Path.Path, (fileSystem, path) => ({
      nextEpoch: (device) => {
        const place = path.join(directory, `${encodeURIComponent(device)}.json`)
        return advance(fileSystem, { directory, place }).pipe(
          Effect.mapError((detail) => new DriverStoreError({ device, place, detail }))
        )
      }
    }))
  )

const Stored = Schema.parseJson(Schema.Struct({ epoch: Epoch.Epoch }))
const decodeStored = Schema.decode(Stored)

interface Place {
  readonly directory: string
  readonly place: string
}

const advance = Effect.fnUntraced(
  function*(fileSystem: FileSystem.FileSystem, at: Place) {
    yield* fileSystem.makeDirectory(at.directory, { recursive: true })
    const last = yield* load(fileSystem, at.place)
    const next = Option.match(last, { onNone: () => Epoch.first, onSome: Epoch.next })
    yield* Effect.scoped(save(fileSystem, at, JSON.stringify({ epoch: next })))
    return next
  },
  Effect.mapError((error) => typeof error === "string" ? error : error.message)
)

const load = (
  fileSystem: FileSystem.FileSystem,
  place: string
): Effect.Effect<Option.Option<Epoch.Epoch>, string | Platform.PlatformError> =>
  fileSystem.readFileString(place).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(
        decodeStored(text),
        () =>
          'the file is damaged: expected {"epoch":n}; write the last known epoch to it by hand, or'
          + " delete it where no node remembers this device"
      )
    ),
    Effect.map(({ epoch }) => Option.some(epoch)),
    Effect.catchIf(
      (error) => typeof error !== "string" && isNotFound(error),
      () => Effect.succeedNone
    )
  )

const isNotFound = (error: Platform.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

// Written beside it, flushed, renamed, the directory flushed: a crash leaves one file or the other.
const save = Effect.fnUntraced(function*(
  fileSystem: FileSystem.FileSystem,
  at: Place,
  text: string
) {
  const beside = `${at.place}.tmp`
  const handle = yield* fileSystem.open(beside, { flag: "w" })
  yield* handle.writeAll(new TextEncoder().encode(text))
  yield* handle.sync
  yield* fileSystem.rename(beside, at.place)
  // Some systems cannot open a directory: there the rename is as durable as it gets.
  yield* Effect.ignore(
    Effect.flatMap(fileSystem.open(at.directory, { flag: "r" }), (directory) => directory.sync)
  )
})
