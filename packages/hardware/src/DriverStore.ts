/**
 * What a device process must not forget when it dies: its epoch, the number of its start, and the
 * highest fence that it has seen. A port, with an adapter to files and one to memory.
 */
import type { Error as Platform } from "@effect/platform"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { Epoch, Fence } from "@plantd/core"
import { Context, Effect, Layer, Option, Schema } from "effect"

/**
 * The store cannot do what it was asked. Without an epoch and the highest fence a device process
 * must not start; without keeping a higher fence it must not obey it.
 */
export class DriverStoreError extends Schema.TaggedError<DriverStoreError>()("DriverStoreError", {
  operation: Schema.Literal("take a new epoch", "read the highest fence", "keep the fence"),
  device: Schema.String,
  /** Where the store keeps what it knows. */
  place: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot ${this.operation} for device ${this.device} in ${this.place}: ${this.detail}`
  }
}

/** Keeps the epochs and the fences of devices. */
export interface DriverStoreService {
  /** One more than the last; stored beyond the loss of power before it is given. */
  readonly nextEpoch: (device: string) => Effect.Effect<Epoch.Epoch, DriverStoreError>
  /** The highest fence that was ever kept, `Fence.none` where none was. */
  readonly highestFence: (device: string) => Effect.Effect<Fence.Fence, DriverStoreError>
  /**
   * Stores a fence beyond the loss of power before it succeeds. One that is not above the highest
   * kept changes nothing. The device had an epoch before.
   */
  readonly keepFence: (
    device: string,
    fence: Fence.Fence
  ) => Effect.Effect<void, DriverStoreError>
}

/** The store in use. */
export class DriverStore extends Context.Tag("@plantd/hardware/DriverStore")<
  DriverStore,
  DriverStoreService
>() {}

/** What is kept of one device. */
interface Record {
  readonly epoch: Epoch.Epoch
  readonly fence: Fence.Fence
}

const nextStart = (last: Record | undefined): Record =>
  last === undefined
    ? { epoch: Epoch.first, fence: Fence.none }
    : { ...last, epoch: Epoch.next(last.epoch) }

/** Forgets all with the process: for tests, and for devices that may forget who was replaced. */
export const memory: Layer.Layer<DriverStore> = Layer.sync(DriverStore, () => {
  const records = new Map<string, Record>()
  return {
    nextEpoch: (device) =>
      Effect.sync(() => {
        const next = nextStart(records.get(device))
        records.set(device, next)
        return next.epoch
      }),
    highestFence: (device) => Effect.sync(() => records.get(device)?.fence ?? Fence.none),
    keepFence: (device, fence) =>
      Effect.sync(() => {
        const last = records.get(device) ?? nextStart(undefined)
        if (fence > last.fence) records.set(device, { ...last, fence })
      })
  }
})

/**
 * One small JSON file a device in `directory`, which is made where it is missing. A file that
 * cannot be read is an error, never a new beginning: neither epochs nor fences may shrink.
 */
export const file = (
  directory: string
): Layer.Layer<DriverStore, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    DriverStore,
    Effect.map(
      Effect.all([FileSystem.FileSystem, Path.Path, Effect.makeSemaphore(1)]),
      ([fileSystem, path, turn]) => {
        const at = <A>(
          device: string,
          operation: DriverStoreError["operation"],
          run: (at: Place) => Effect.Effect<A, string | Platform.PlatformError>
        ): Effect.Effect<A, DriverStoreError> => {
          const place = path.join(directory, `${encodeURIComponent(device)}.json`)
          // Interrupted in the middle it would go on in the background, beside the next one.
          return turn.withPermits(1)(Effect.uninterruptible(run({ fileSystem, directory, place })))
            .pipe(Effect.mapError((error) => {
              const detail = typeof error === "string" ? error : error.message
              return new DriverStoreError({ operation, device, place, detail })
            }))
        }
        return {
          nextEpoch: (device) => at(device, "take a new epoch", advance),
          highestFence: (device) =>
            at(device, "read the highest fence", (place) =>
              Effect.map(
                load(place),
                Option.match({ onNone: () => Fence.none, onSome: ({ fence }) => fence })
              )),
          keepFence: (device, fence) => at(device, "keep the fence", (place) => keep(place, fence))
        }
      }
    )
  )

interface Place {
  readonly fileSystem: FileSystem.FileSystem
  readonly directory: string
  readonly place: string
}

const advance = Effect.fnUntraced(function*(at: Place) {
  yield* at.fileSystem.makeDirectory(at.directory, { recursive: true })
  const next = nextStart(Option.getOrUndefined(yield* load(at)))
  yield* Effect.scoped(save(at, next))
  return next.epoch
})

const keep = Effect.fnUntraced(function*(at: Place, fence: Fence.Fence) {
  const last = yield* load(at)
  if (Option.isNone(last)) return yield* Effect.fail("the file is gone since the process began")
  if (fence > last.value.fence) yield* Effect.scoped(save(at, { ...last.value, fence }))
})

// Files of before fences were kept have none.
const Stored = Schema.parseJson(Schema.Struct({
  epoch: Epoch.Epoch,
  fence: Schema.optionalWith(Fence.Fence, { exact: true, default: () => Fence.none })
}))
const decodeStored = Schema.decode(Stored)

const load = (
  { fileSystem, place }: Place
): Effect.Effect<Option.Option<Record>, string | Platform.PlatformError> =>
  fileSystem.readFileString(place).pipe(
    Effect.flatMap((text) =>
      Effect.mapError(
        decodeStored(text),
        () =>
          'the file is damaged: expected {"epoch":n,"fence":m}; write the last known numbers to it'
          + " by hand, or delete it where no node remembers this device"
      )
    ),
    Effect.map(Option.some),
    Effect.catchIf(
      (error) => typeof error !== "string" && isNotFound(error),
      () => Effect.succeedNone
    )
  )

const isNotFound = (error: Platform.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

// Written beside it, flushed, renamed, the directory flushed: a crash leaves one file or the other.
const save = Effect.fnUntraced(function*(
  { directory, fileSystem, place }: Place,
  { epoch, fence }: Record
) {
  const beside = `${place}.tmp`
  const handle = yield* fileSystem.open(beside, { flag: "w" })
  yield* handle.writeAll(new TextEncoder().encode(JSON.stringify({ epoch, fence })))
  yield* handle.sync
  yield* fileSystem.rename(beside, place)
  // Some systems cannot open a directory: there the rename is as durable as it gets.
  yield* Effect.ignore(
    Effect.flatMap(fileSystem.open(directory, { flag: "r" }), (opened) => opened.sync)
  )
})
