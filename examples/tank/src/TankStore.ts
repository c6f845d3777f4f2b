/**
 * The file in which the simulated water outlives its process: a real tank does not forget its level
 * because its controller was restarted.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import { Clock, Effect, Option, ParseResult, Schema } from "effect"
import * as TankModel from "./TankModel.ts"

/** The state file could not be read or written, or is none. Nothing was overwritten. */
export class StateFileError extends Schema.TaggedError<StateFileError>()("StateFileError", {
  path: Schema.String,
  operation: Schema.Literal("read", "write"),
  detail: Schema.String
}) {
  override get message(): string {
    return `cannot ${this.operation} the state file ${this.path}: ${this.detail};`
      + " choose another place, or remove it to begin with dry tanks"
  }
}

/** What a rig must not forget: where its water is, and that it was stopped. */
export interface Kept {
  readonly state: TankModel.TankState
  /** True after an emergency stop that nobody has released. */
  readonly stopped: boolean
}

/** The name of the file of a device, in the directory of its process. */
export const fileOf = (device: string): string => `${encodeURIComponent(device)}.water.json`

/** What a file held, and when it was written, in ms since 1970-01-01 UTC. */
export interface Saved extends Kept {
  readonly savedAt: number
}

/** What the file holds; nothing where there is none. */
export const read = (
  path: string
): Effect.Effect<Option.Option<Saved>, StateFileError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const failed = (detail: string) => new StateFileError({ path, operation: "read", detail })
    const exists = yield* Effect.mapError(files.exists(path), (error) => failed(error.message))
    if (!exists) return Option.none()
    const text = yield* Effect.mapError(
      files.readFileString(path),
      (error) => failed(error.message)
    )
    const saved = yield* Effect.mapError(
      decode(text),
      (error) =>
        failed(ParseResult.ArrayFormatter.formatErrorSync(error)[0]?.message ?? "unreadable")
    )
    return Option.some(saved)
  })

/** What the file holds with what became of it in the time since: the pump off, as a real one. */
export const load = (
  path: string,
  parameters: TankModel.TankParameters
): Effect.Effect<Option.Option<Kept>, StateFileError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const saved = yield* read(path)
    const now = yield* Clock.currentTimeMillis
    return Option.map(saved, (kept) => ({
      state: atRest(parameters, kept, now),
      stopped: kept.stopped
    }))
  })

/** Writes it with the time. The file holds either what it held before or this, whole. */
export const save = (
  path: string,
  kept: Kept
): Effect.Effect<void, StateFileError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const savedAt = yield* Clock.currentTimeMillis
    const draft = `${path}.new`
    yield* files.writeFileString(draft, encode({ version: 1, savedAt, ...kept }))
    yield* files.rename(draft, path)
  }).pipe(
    Effect.mapError((error) =>
      new StateFileError({ path, operation: "write", detail: error.message })
    )
  )

const level = Schema.Number.pipe(Schema.between(0, 100))
const percent = Schema.Number.pipe(Schema.between(0, 100))
const amount = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())

const SavedText = Schema.parseJson(Schema.Struct({
  version: Schema.Literal(1),
  /** In ms since 1970-01-01 UTC. */
  savedAt: Schema.Number.pipe(Schema.finite()),
  stopped: Schema.Boolean,
  state: Schema.Struct({
    level1: level,
    level2: level,
    pumpSpeed: percent,
    valveOpening: percent,
    pumped: amount,
    drained: amount,
    overflowed: amount,
    noise: Schema.NonNegativeInt
  })
}))

const decode = Schema.decode(SavedText)
const encode = Schema.encodeSync(SavedText)

const atRest = (
  parameters: TankModel.TankParameters,
  saved: Saved,
  now: number
): TankModel.TankState => {
  const inputs = { pumpSpeed: 0, valveOpening: saved.state.valveOpening }
  return TankModel.step(parameters, saved.state, inputs, (now - saved.savedAt) / 1_000)
}
