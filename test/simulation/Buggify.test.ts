/** Places in code that do what is rare, in some runs and now and then. */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import { Buggify } from "@plantd/core"
import { type Faults, Scenarios, Simulation } from "@plantd/simulation"
import { Effect, Schema } from "effect"

const Probe = Actor.make("Probe", [Rpc.make("Fires", { success: Schema.Boolean })])
const actors = Probe.toLayer(Effect.succeed({ Fires: () => Buggify.buggify("a probe") }))

const whole: Faults.Fault = {
  kind: "buggify",
  atMillis: 0,
  forMillis: 60_000,
  node: 0,
  other: 0,
  strength: 0
}

/** How many of 200 looks fired, and what the trace has of it. */
const looked = (seed: number, plan: Faults.Plan) => {
  let fired = 0
  const { events, verdict } = Simulation.run(seed, { nodes: 1, actors, faults: plan }, (sim) => {
    const look = Effect.map(sim.client(Probe)("p-1").Fires(), (fires) => fired += fires ? 1 : 0)
    return Effect.zipRight(sim.advance("1 second"), Effect.replicateEffect(look, 200))
  })
  expect(verdict).toBe("passed")
  return { fired, traced: events.filter(({ detail }) => detail === "buggify: a probe").length }
}

const seeds = Array.from({ length: 12 }, (_, index) => index + 1)

describe("a place that asks Buggify", () => {
  it("fires in about half of the runs, there one time in four, and the trace has it", () => {
    const counts = seeds.map((seed) => looked(seed, [whole]))
    for (const { fired, traced } of counts) expect(traced).toBe(fired)
    const some = counts.filter(({ fired }) => fired > 0)
    expect(some.length).toBeGreaterThanOrEqual(2)
    expect(some.length).toBeLessThanOrEqual(10)
    for (const { fired } of some) {
      expect(fired).toBeGreaterThan(25)
      expect(fired).toBeLessThan(85)
    }
  })

  it("does not fire without the fault, nor after it", () => {
    const over = { ...whole, forMillis: 500 }
    for (const seed of seeds) {
      expect(looked(seed, []).fired).toBe(0)
      expect(looked(seed, [over]).fired).toBe(0)
    }
  })
})

describe("the places in plantd", () => {
  const places = [
    "a batch has one letter",
    "a desk reads one message",
    "a lease is renewed late",
    "an idle actor is passivated early",
    "the end of a message is stored late",
    "the view is read late"
  ]

  it("fire, each in some run, and the promises hold", () => {
    const met = new Set<string>()
    for (const seed of seeds) {
      const plan = [whole, { ...whole, kind: "kill", atMillis: 3_000, forMillis: 3_000 } as const]
      const { events, violation } = Scenarios.durableLedger().run(seed, plan)
      expect([seed, violation]).toEqual([seed, undefined])
      for (const { detail } of events) {
        if (detail.startsWith("buggify: ")) met.add(detail.slice("buggify: ".length))
      }
    }
    expect([...met].toSorted()).toEqual(places)
  }, 120_000)
})
