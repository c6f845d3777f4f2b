/** A simulated cluster with its workload and checks, by a name: to be run with any seed. */
import { Effect, type Utils } from "effect"
import type { Plan } from "./Faults.ts"
import * as Simulation from "./Simulation.ts"

/** A scenario, whatever is simulated in it. */
export interface Scenario {
  /** Lower case, with hyphens. */
  readonly name: string
  /** What it shows, in one sentence. */
  readonly about: string
  /** Runs it with a seed; `plan` takes the place of the faults that the seed would draw. */
  readonly run: (seed: number, plan?: Plan) => Simulation.Report
}

/** What is done in a scenario, as in `Effect.gen`. */
export type Workload<P> = (
  sim: Simulation.Sim<P>
) => Generator<Utils.YieldWrap<Effect.Effect<unknown, unknown>>, unknown, never>

/** Makes a scenario. */
export const make = <P = undefined>(
  name: string,
  given: Simulation.Options<P> & { readonly about: string },
  workload: Workload<P>
): Scenario => {
  const { about, ...options } = given
  return {
    name,
    about,
    run: (seed, plan) =>
      Simulation.run(
        seed,
        plan === undefined ? options : { ...options, faults: plan },
        (sim: Simulation.Sim<P>) => Effect.gen(() => workload(sim))
      )
  }
}
