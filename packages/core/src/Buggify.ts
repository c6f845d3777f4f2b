/**
 * Places in code where a simulation makes happen what is rare and allowed: a batch of one message,
 * a renewal that comes late, an answer that is stored long after it was made. As the BUGGIFY of
 * FoundationDB (Zhou and others, SIGMOD 2021). Outside of simulations nothing happens there.
 */
import { Context, Effect } from "effect"

/** Whether the place by this name does the rare thing now. Plain code. */
export type Fires = (site: string) => boolean

const never: Fires = () => false

/** What decides: nothing is ever rare, unless a simulation provides another one. */
export class Buggify extends Context.Reference<Buggify>()("@plantd/core/Buggify", {
  defaultValue: () => never
}) {}

/**
 * Whether the place by this name is to do the rare thing now; always `false` outside of a
 * simulation. A simulation chooses some of the names for each of its runs, and those fire one time
 * in four. What happens there must be allowed: a bug is what the rest makes of it.
 */
export const buggify = (site: string): Effect.Effect<boolean> =>
  Effect.map(Buggify, (fires) => fires(site))
