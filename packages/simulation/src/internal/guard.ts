/**
 * Keeps a run to itself: what would reach past the simulated clock, scheduler or randomness while
 * it lasts either follows from the seed (`Math.random`, hashes, and what tells the time) or is an
 * error that names its place (timers, random numbers of the system, promises that are waited for).
 */
import { GlobalValue, Hash, Scheduler } from "effect"
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

const guarded = ["setTimeout", "setImmediate", "queueMicrotask"] as const

/** In nanoseconds. */
const second = 1_000_000_000n

/** What gives other random numbers each time. */
const randoms = ["randomUUID", "getRandomValues"] as const

/** As long as a timer can be; `Effect.never` waits for one, so that a process does not end. */
const never = 2 ** 31 - 1

/** What tells the time during a run. */
export interface Times {
  /** In ms since 1970-01-01 UTC, as the machine tells it that runs. */
  wall: () => number
  /** In ms since the beginning. */
  steady: () => number
}

/** Runs a simulation with nothing beside it; it sets `times` as soon as it has a clock. */
export const guard = <A>(seed: number, run: (times: Times) => A): A => {
  const before = new Set(roots())
  const times: Times = { wall: () => 0, steady: () => 0 }
  let escaped: Escaped | undefined
  const refuse = (what: string) => (): never => {
    escaped ??= withPlace(() => new Escaped(what))
    throw escaped
  }
  const restore = [
    replace(Math, "random", chanceOf(seed, "Math.random")),
    hashes(seed),
    ...clocks(times),
    ...randoms.map((name) => replace(globalThis.crypto, name, refuse(`crypto.${name}`))),
    ...guarded.map((name) => replace(globalThis, name, refuse(name))),
    replace(globalThis, "setInterval", (_: unknown, millis: number) => {
      if (millis !== never) refuse("setInterval")()
    }),
    replace(Scheduler.defaultScheduler, "scheduleTask", refuse("the default scheduler")),
    // What waits for one would wait for ever: nothing settles before the run has ended.
    replace(Promise.prototype, "then", refuse("a promise"))
  ]
  try {
    const result = run(times)
    // Whoever caught it has gone on without what it asked for.
    if (escaped !== undefined) throw escaped
    return result
  } finally {
    for (const back of restore) back()
    for (const root of roots()) if (!before.has(root)) roots().delete(root)
  }
}

/** However short traces of errors are at present: this one is to show where it was made. */
const withPlace = (make: () => Escaped): Escaped => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 50
  const made = make()
  Error.stackTraceLimit = limit
  return made
}

/** The hashes that Effect has drawn for objects without one of their own, for good. */
const drawn = (): WeakMap<object, number> =>
  GlobalValue.globalValue(Symbol.for("effect/Hash/randomHashCache"), () => new WeakMap())

/**
 * Effect draws hashes from `Math.random`, once for each object: what is left of that to a run would
 * depend on which objects were hashed before it. Here they have a stream of their own, from which
 * a number is taken for each object that is new to the run, whether it is needed or not.
 */
const hashes = (seed: number): () => void => {
  const cache = drawn()
  const chance = chanceOf(seed, "hashes")
  const met = new WeakSet<object>()
  const isKnown = (object: object): boolean => WeakMap.prototype.has.call(cache, object)
  return replace(cache, "has", (object: object) => {
    if (met.has(object)) return true
    met.add(object)
    const hash = Hash.number(Math.floor(chance() * Number.MAX_SAFE_INTEGER))
    if (!isKnown(object)) cache.set(object, hash)
    return true
  })
}

const clocks = (times: Times): ReadonlyArray<() => void> => {
  const { Date: dates } = globalThis
  const now = () => Math.trunc(times.wall())
  const simulated = new Proxy(dates, {
    construct: (target, given, made: new(...args: ReadonlyArray<unknown>) => object) =>
      Reflect.construct(target, given.length === 0 ? [now()] : given, made) as object,
    apply: () => new dates(now()).toString()
  })
  const nanos = () => BigInt(Math.round(times.steady() * 1e6))
  const hrtime = ([seconds, rest]: readonly [number, number] = [0, 0]) => {
    const since = nanos() - (BigInt(seconds) * second + BigInt(rest))
    return [Number(since / second), Number(since % second)]
  }
  return [
    replace(dates, "now", now),
    replace(performance, "now", () => times.steady()),
    replace(process, "hrtime", Object.assign(hrtime, { bigint: nanos })),
    replace(globalThis, "Date", simulated)
  ]
}

/** Puts something in the place of a property; gives what puts it back. */
const replace = (owner: object, name: string, stand: unknown): () => void => {
  const before = Object.getOwnPropertyDescriptor(owner, name)
  Object.defineProperty(owner, name, { configurable: true, writable: true, value: stand })
  return () => {
    if (before === undefined) Reflect.deleteProperty(owner, name)
    else Object.defineProperty(owner, name, before)
  }
}
