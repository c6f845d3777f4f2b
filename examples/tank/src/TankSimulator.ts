/** The water in motion: drives the model by the clock, holds what the actuators were told. */
import type { FileSystem } from "@effect/platform"
import { Clock, Duration, Effect, Option, Schedule, type Scope } from "effect"
import * as TankModel from "./TankModel.ts"
import * as TankStore from "./TankStore.ts"

/** What the rig's instruments show. Levels in m, with noise; positions in %; flows in L/s. */
export interface TankView {
  readonly level1: number
  readonly level2: number
  readonly pumpSpeed: number
  readonly valveOpening: number
  readonly inflow: number
  readonly outflow: number
}

/** How the rig is simulated; each has a default but the seed. */
export interface TankSimulatorOptions {
  readonly seed: number
  readonly parameters?: TankModel.TankParameters
  /** Where the rig is at the start; dry tanks where nothing is said. */
  readonly from?: Option.Option<TankModel.TankState>
}

/** A running rig. */
export interface TankSimulator {
  /** Tells an actuator its position in %; the others keep theirs. */
  readonly tell: (inputs: Partial<TankModel.TankInputs>) => Effect.Effect<void>
  /** Reads all instruments as of now. */
  readonly view: Effect.Effect<TankView>
  /** What is really in the tanks as of now, without noise. */
  readonly state: Effect.Effect<TankModel.TankState>
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
    const fresh = { ...TankModel.empty(options.seed), valveOpening: valveOpeningInitial }
    let state = Option.getOrElse(options.from ?? Option.none(), () => fresh)
    let told = { pumpSpeed: 0, valveOpening: state.valveOpening }
    let nanos = startedAt
    const advanced = Effect.map(Clock.currentTimeNanos, (now) => {
      state = TankModel.step(parameters, state, told, Number(now - nanos) / 1e9)
      nanos = now
      return state
    })
    return {
      tell: (inputs) => Effect.map(advanced, () => void (told = { ...told, ...inputs })),
      view: Effect.map(advanced, () => {
        const [levels, drawn] = TankModel.measure(parameters, state)
        state = drawn
        return viewOf(parameters, levels, state)
      }),
      state: advanced
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
    const save = Effect.flatMap(rig.state, (state) => TankStore.save(path, state))
    const saveOrLog = Effect.catchAll(save, (error) => Effect.logWarning(error.message))
    yield* save
    yield* Effect.addFinalizer(() => saveOrLog)
    const again = Schedule.spaced(Duration.millis(saveMillis))
    yield* Effect.forkScoped(Effect.schedule(saveOrLog, again))
  })

const viewOf = (
  parameters: TankModel.TankParameters,
  levels: TankModel.TankLevels,
  state: TankModel.TankState
): TankView => {
  const flow = TankModel.flows(parameters, state)
  return {
    ...levels,
    pumpSpeed: state.pumpSpeed,
    valveOpening: state.valveOpening,
    inflow: flow.pump * 1_000,
    outflow: flow.drain * 1_000
  }
}
