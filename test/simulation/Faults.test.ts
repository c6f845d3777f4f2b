import { describe, expect, it } from "@effect/vitest"
import { Faults, Simulation } from "@plantd/simulation"
import { Effect, Layer, Schema } from "effect"

const seeds = Array.from({ length: 200 }, (_, index) => index)

describe("a swarm of faults", () => {
  it("gives each seed a plan of its own, and the same seed the same", () => {
    const swarm = Faults.swarm()
    const plans = seeds.map((seed) => JSON.stringify(Faults.planOf(swarm, seed, 3)))
    expect(new Set(plans).size).toBe(seeds.length)
    expect(plans).toEqual(seeds.map((seed) => JSON.stringify(Faults.planOf(swarm, seed, 3))))
  })

  it("keeps to its bounds, and uses all kinds and all nodes over many seeds", () => {
    const swarm = Faults.swarm({ max: 3, withinMillis: 1_000, lastsMillis: 500 })
    const faults = seeds.flatMap((seed) => {
      const plan = Faults.planOf(swarm, seed, 4)
      expect(plan.length).toBeGreaterThan(0)
      expect(plan.length).toBeLessThanOrEqual(3)
      return plan
    })
    for (const { atMillis, forMillis, node, other } of faults) {
      expect(atMillis).toBeLessThan(1_000)
      expect(forMillis).toBeLessThan(500)
      expect(other).not.toBe(node)
    }
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(Faults.kinds))
    expect(new Set(faults.map(({ node }) => node))).toEqual(new Set([0, 1, 2, 3]))
  })

  it("uses the kinds that it was given, and no others", () => {
    const swarm = Faults.swarm({ kinds: ["kill", "pause"] })
    const kinds = seeds.flatMap((seed) => Faults.planOf(swarm, seed, 3).map(({ kind }) => kind))
    expect(new Set(kinds)).toEqual(new Set(["kill", "pause"]))
  })

  it("is data that can be written down, and read by people", () => {
    const plan = Faults.planOf(Faults.swarm(), 7, 3)
    const read = Schema.decodeSync(Schema.parseJson(Schema.Array(Faults.Fault)))
    expect(read(JSON.stringify(plan))).toEqual(plan)
    const fault = { atMillis: 5, forMillis: 10, node: 0, other: 2, strength: 0 }
    expect(Faults.kinds.map((kind) => Faults.textOf({ ...fault, kind }))).toEqual(
      expect.arrayContaining([
        "at 5 ms: kill of node 0 for 10 ms",
        "at 5 ms: partition of node 0 and node 2 for 10 ms",
        "at 5 ms: partitionOneWay of node 0 to node 2 for 10 ms",
        "at 5 ms: storage.full of all for 10 ms"
      ])
    )
  })
})

describe("faults of devices", () => {
  it("are drawn where they are asked for, and not otherwise", () => {
    const kindsOf = (swarm: Faults.Swarm) =>
      new Set(seeds.flatMap((seed) => Faults.planOf(swarm, seed, 3).map(({ kind }) => kind)))
    expect([...kindsOf(Faults.swarm())].filter((kind) => Faults.deviceKinds.includes(kind)))
      .toEqual(
        []
      )
    expect(kindsOf(Faults.swarm({ kinds: Faults.deviceKinds }))).toEqual(
      new Set(Faults.deviceKinds)
    )
  })

  it("reach the device, and end with their time", () => {
    const done: Array<string> = []
    const note = (what: string) => Effect.sync(() => void done.push(what))
    const device: Simulation.FaultyDevice = {
      cut: () => note("cut"),
      heal: note("heal"),
      shape: (settings) => note(`shape ${Object.keys(settings).join(" ")}`),
      kill: note("kill"),
      start: note("start")
    }
    const fault = { atMillis: 10, forMillis: 100, node: 0, other: 1, strength: 0 }
    for (const kind of Faults.deviceKinds) {
      Simulation.run(1, {
        actors: Layer.empty,
        devices: () => [device],
        faults: [{ ...fault, kind }]
      }, (sim) => Effect.zipRight(sim.advance("1 second"), Effect.sync(() => done.push(kind))))
    }
    expect(done).toEqual(
      [
        ["cut", "heal", "device.disconnect"],
        ["shape latencyMillis", "shape latencyMillis", "device.delay"],
        ["shape loss", "shape loss", "device.drop"],
        ["shape duplicate", "shape duplicate", "device.duplicate"],
        ["kill", "start", "device.restart"]
      ].flat()
    )
  })
})
