/** What code in a simulation may use, and what is refused since no seed could repeat it. */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import { Simulation } from "@plantd/simulation"
import { Clock, Effect, Hash, Scheduler } from "effect"

const Probe = Actor.make("Probe", [Rpc.make("Do")])

/** A run in which an actor does something; it never ends by itself where that never does. */
const ran = (deed: Effect.Effect<unknown>) => () =>
  Simulation.run(
    1,
    { nodes: 1, actors: Probe.toLayer(Effect.succeed({ Do: () => Effect.asVoid(deed) })) },
    (sim) =>
      Effect.gen(function*() {
        yield* sim.advance("5 seconds")
        yield* Effect.exit(sim.client(Probe)("p-1").Do())
      })
  )

describe("what would reach past the simulation", () => {
  it.each<[string, Effect.Effect<unknown>]>([
    ["setTimeout", Effect.sync(() => setTimeout(() => undefined, 1))],
    ["setInterval", Effect.sync(() => setInterval(() => undefined, 1))],
    ["setImmediate", Effect.sync(() => setImmediate(() => undefined))],
    ["crypto.randomUUID", Effect.sync(() => crypto.randomUUID())],
    ["crypto.getRandomValues", Effect.sync(() => crypto.getRandomValues(new Uint8Array(1)))],
    ["queueMicrotask", Effect.sync(() => queueMicrotask(() => undefined))],
    ["a promise", Effect.promise(() => Promise.resolve(1))],
    ["the default scheduler", Effect.sync(() => Effect.runFork(Effect.yieldNow()))]
  ])("%s is refused", (what, deed) => {
    expect(ran(deed)).toThrow(`${what} was used while a simulation ran`)
  })

  it("is not what waits for ever", () => {
    const waited = Effect.race(Effect.never, Effect.sleep("1 second"))
    expect(ran(waited)()).toMatchObject({ verdict: "passed" })
  })

  it("is told with the place where it was used", () => {
    const culprit = () => setTimeout(() => undefined, 1)
    expect(ran(Effect.sync(() => void culprit()))).toThrow(
      expect.objectContaining({ stack: expect.stringContaining("at culprit") as string }) as Error
    )
  })

  it("is as before after the run, also after one that failed", () => {
    const now = () =>
      [
        [globalThis, ["Date", "setTimeout", "setInterval", "setImmediate", "queueMicrotask"]],
        [Date, ["now"]],
        [performance, ["now"]],
        [process, ["hrtime"]],
        [crypto, ["randomUUID", "getRandomValues"]],
        [Math, ["random"]],
        [Promise.prototype, ["then"]],
        [Scheduler.defaultScheduler, ["scheduleTask"]]
      ].flatMap(([owner, names]) =>
        (names as ReadonlyArray<string>).map((name): unknown => Reflect.get(owner as object, name))
      )
    const before = now()
    expect(ran(Effect.sync(() => setTimeout(() => undefined, 1)))).toThrow("setTimeout was used")
    expect(ran(Effect.void)().verdict).toBe("passed")
    for (const [index, one] of now().entries()) expect(one).toBe(before[index])
  })
})

describe("what follows from the seed", () => {
  const told = () => {
    const texts: Array<string> = []
    const deed = Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const dates = [Date.now(), new Date().getTime(), new Date(Date.now()).getTime()]
      expect(dates).toEqual([Math.trunc(now), Math.trunc(now), Math.trunc(now)])
      expect(new Date(0).toISOString()).toBe("1970-01-01T00:00:00.000Z")
      expect(new Date()).toBeInstanceOf(Date)
      expect(Date()).toBe(new Date(now).toString())
      const [seconds, nanos] = process.hrtime([1, 0])
      expect(seconds * 1e3 + nanos / 1e6 + 1_000).toBeCloseTo(performance.now(), 5)
      expect(Number(process.hrtime.bigint()) / 1e6).toBeCloseTo(performance.now(), 5)
      texts.push(`${now} ${performance.now()} ${Math.random()}`)
    })
    ran(deed)()
    return texts
  }

  it("is the time by Date and performance, as by Effect's clock, and Math.random", () => {
    const texts = told()
    expect(texts).toHaveLength(1)
    expect(texts[0]).toMatch(/^1704067205\d{3}/)
    expect(told()).toEqual(texts)
  })

  it("is the same whatever was hashed before the run, and so are hashes of what is new", () => {
    const old = { name: "of the process" }
    const drawn = () => {
      const numbers: Array<number> = []
      const deed = Effect.sync(() => {
        numbers.push(Math.random())
        expect(Hash.hash(old)).toBe(Hash.hash(old))
        const fresh = { name: "of the run" }
        numbers.push(Math.random(), Hash.hash(fresh))
        expect(Hash.hash(fresh)).toBe(numbers.at(-1))
      })
      ran(deed)()
      return numbers
    }
    const first = drawn()
    const hash = Hash.hash(old)
    expect(first).toHaveLength(3)
    expect(drawn()).toEqual(first)
    expect(Hash.hash(old)).toBe(hash)
  })
})
