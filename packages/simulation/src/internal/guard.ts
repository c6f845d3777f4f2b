/**
 * Keeps a run to itself: what would reach past the simulated clock, scheduler or randomness while
 * it lasts either follows from the seed (`Math.random`, which hashes are drawn from) or is an error
 * that names its place.
 */
import { GlobalValue, Scheduler } from "effect"
import { chanceOf } from "./chance.ts"

/** Something reached past the simulation. */
export class Escaped extends Error {
  override readonly name = "Escaped"

  constructor(what: string) {
    super(
      `${what} was used while a simulation ran: use Effect's services, so that a seed can repeat it`
    )
  }
}

/** The fibers that nobody is parent of; those that were killed would stay there for ever. */
const roots = (): Set<unknown> =>
  GlobalValue.globalValue(Symbol.for("effect/FiberScope/Global"), () => ({ roots: new Set() }))
    .roots

const guarded = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"] as const

/** Runs a simulation with nothing beside it. */
export const guard = <A>(seed: number, run: () => A): A => {
  const before = new Set(roots())
  const random = Math.random
  const { scheduleTask } = Scheduler.defaultScheduler
  const real = guarded.map((name) => [name, globalThis[name]] as const)
  let escaped: Escaped | undefined
  const refuse = (what: string) => () => {
    escaped ??= new Escaped(what)
    throw escaped
  }
  Math.random = chanceOf(seed, "hashes")
  Scheduler.defaultScheduler.scheduleTask = refuse("the default scheduler")
  for (const name of guarded) globalThis[name] = refuse(name) as never
  try {
    const result = run()
    // Whoever caught it has gone on without what it asked for.
    if (escaped !== undefined) throw escaped
    return result
  } finally {
    Math.random = random
    Scheduler.defaultScheduler.scheduleTask = scheduleTask
    for (const [name, value] of real) globalThis[name] = value as never
    for (const root of roots()) if (!before.has(root)) roots().delete(root)
  }
}
