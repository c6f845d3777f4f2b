/** The rig in motion: drives the model by the clock, holds what the actuators were told. */
import type { FileSystem } from "@effect/platform"
import { Clock, Duration, Effect, Option, Schedule, Schema, type Scope } from "effect"
import * as TankModel from "./TankModel.ts"
import * as TankStore from "./TankStore.ts"

/** `stopped` after an emergency stop, until it is released. */
export type RigState = "ready" | "stopped"

/** What the rig's instruments show. Levels in m, with noise; positions in %; flows in L/s. */
export interface TankView {
  readonly level1: number
  readonly level2: number
  readonly pumpSpeed: number
  readonly valveOpening: number
  readonly inflow: number
  readonly outflow: number
  readonly state: RigState
}

/** How the rig is simulated; each has a default but the seed. */
export interface TankSimulatorOptions {
  readonly seed: number
  readonly parameters?: TankModel.TankParameters
  /** Where the rig is at the start; dry tanks where nothing is said. */
  readonly from?: Option.Option<TankStore.Kept>
}

/** The pump was told to run after an emergency stop; it stays off. */
export class RigStopped extends Schema.TaggedError<RigStopped>()("RigStopped", {}) {
  override get message(): string {
    return "the rig was stopped; the pump stays off until the command release"
  }
}

/** A running rig. */
export interface TankSimulator {
  /** Tells an actuator its position in %; the other keeps its own. */
  readonly tell: (inputs: Partial<TankModel.TankInputs>) => Effect.Effect<void, RigStopped>
  /** Turns the pump off and keeps it off until `release`. */
  readonly stop: Effect.Effect<void>
  readonly release: Effect.Effect<void>
  /** Reads all instruments as of now. */
  readonly view: Effect.Effect<TankView>
  /** What the rig must not forget, as of now; levels without noise. */
  readonly kept: Effect.Effect<TankStore.Kept>
}

/** The state file is written this often, in ms; so much is forgotten at most by a kill. */
export const saveMillis = 250

/** The opening of the drain valve of a new rig, in %. */
export const valveOpeningInitial = 50

/**
 * Starts a rig with the pump off and the valve where it is. The water is brought up to the present
 * whenever it is looked at or told something, in the model's own small steps: how often that is
 * makes no difference to it.
 */
export const make = (options: TankSimulatorOptions): Effect.Effect<TankSimulator> =>
  Effect.map(Clock.currentTimeNanos, (startedAt) => {
    const parameters = options.parameters ?? TankModel.standard
    const dry = { ...TankModel.empty(options.seed), valveOpening: valveOpeningInitial }
    const from = Option.getOrElse(
      options.from ?? Option.none(),
      () => ({ state: dry, stopped: false })
    )
    let { state, stopped } = from
    let told = { pumpSpeed: 0, valveOpening: state.valveOpening }
    let nanos = startedAt
    const advanced = Effect.map(Clock.currentTimeNanos, (now) => {
      state = TankModel.step(parameters, state, told, Number(now - nanos) / 1e9)
      nanos = now
    })
    return {
      tell: (inputs) =>
        Effect.flatMap(advanced, () => {
          if (stopped && (inputs.pumpSpeed ?? 0) > 0) return Effect.fail(new RigStopped())
          told = { ...told, ...inputs }
          return Effect.void
        }),
      stop: Effect.map(advanced, () => {
        stopped = true
        told = { ...told, pumpSpeed: 0 }
      }),
      release: Effect.map(advanced, () => void (stopped = false)),
      view: Effect.map(advanced, () => {
        const [levels, drawn] = TankModel.measure(parameters, state)
        state = drawn
        return viewOf(parameters, levels, { state, stopped })
      }),
      kept: Effect.map(advanced, () => ({ state, stopped }))
    }
  })

/**
 * Keeps a rig's water in a file until the scope is closed, and a last time then. Fails where the
 * file cannot be written now; should that happen later, it is logged.
 */
export const keep = (
  rig: TankSimulator,
  path: string
): Effect.Effect<void, TankStore.StateFileError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const save = Effect.flatMap(rig.kept, (kept) => TankStore.save(path, kept))
    const saveOrLog = Effect.catchAll(save, (error) => Effect.logWarning(error.message))
    yield* save
    yield* Effect.addFinalizer(() => saveOrLog)
    const again = Schedule.spaced(Duration.millis(saveMillis))
    yield* Effect.forkScoped(Effect.schedule(saveOrLog, again))
  })

const viewOf = (
  parameters: TankModel.TankParameters,
  levels: TankModel.TankLevels,
  kept: TankStore.Kept
): TankView => {
  const flow = TankModel.flows(parameters, kept.state)
  return {
    ...levels,
    pumpSpeed: kept.state.pumpSpeed,
    valveOpening: kept.state.valveOpening,
    inflow: flow.pump * 1_000,
    outflow: flow.drain * 1_000,
    state: kept.stopped ? "stopped" : "ready"
  }
}
