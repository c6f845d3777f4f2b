import { describe, expect, it } from "@effect/vitest"
import { Faults } from "@plantd/simulation"
import { Schema } from "effect"

const seeds = Array.from({ length: 200 }, (_, index) => index)

const three: Faults.Counts = { nodes: 3, devices: 1 }

describe("a swarm of faults", () => {
  it("gives each seed a plan of its own, and the same seed the same", () => {
    const swarm = Faults.swarm()
    const plans = seeds.map((seed) => JSON.stringify(Faults.planOf(swarm, seed, three)))
    expect(new Set(plans).size).toBe(seeds.length)
    expect(plans).toEqual(seeds.map((seed) => JSON.stringify(Faults.planOf(swarm, seed, three))))
  })

  it("keeps to its bounds, and uses all kinds and all nodes over many seeds", () => {
    const swarm = Faults.swarm({ max: 3, withinMillis: 1_000, lastsMillis: 500 })
    const faults = seeds.flatMap((seed) => {
      const plan = Faults.planOf(swarm, seed, { nodes: 4, devices: 0 })
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
    const kinds = seeds.flatMap((seed) => Faults.planOf(swarm, seed, three).map(({ kind }) => kind))
    expect(new Set(kinds)).toEqual(new Set(["kill", "pause"]))
  })

  it("is data that can be written down, and read by people", () => {
    const plan = Faults.planOf(Faults.swarm(), 7, three)
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
      new Set(seeds.flatMap((seed) => Faults.planOf(swarm, seed, three).map(({ kind }) => kind)))
    expect([...kindsOf(Faults.swarm())].filter((kind) => Faults.deviceKinds.includes(kind)))
      .toEqual(
        []
      )
    expect(kindsOf(Faults.swarm({ kinds: Faults.deviceKinds }))).toEqual(
      new Set(Faults.deviceKinds)
    )
  })

  it("are numbered by the devices that there are", () => {
    const swarm = Faults.swarm({ kinds: Faults.deviceKinds })
    const numbers = (counts: Faults.Counts) =>
      new Set(seeds.flatMap((seed) => Faults.planOf(swarm, seed, counts).map(({ node }) => node)))
    expect(numbers({ nodes: 1, devices: 5 })).toEqual(new Set([0, 1, 2, 3, 4]))
    expect(numbers({ nodes: 3, devices: 2 })).toEqual(new Set([0, 1]))
  })
})

describe("a plan has no faults", () => {
  const drawn = (given: Parameters<typeof Faults.swarm>[0], counts = three) =>
    seeds.flatMap((seed) => Faults.planOf(Faults.swarm(given), seed, counts))

  it("where there are to be none, or no kinds", () => {
    expect(drawn({ max: 0 })).toEqual([])
    expect(drawn({ kinds: [] })).toEqual([])
  })

  it("of what is not there", () => {
    const one = drawn({}, { nodes: 1, devices: 0 }).map(({ kind }) => kind)
    expect(one).toContain("kill")
    expect(one.filter((kind) => ["partition", "partitionOneWay", "slow"].includes(kind)))
      .toEqual([])
    expect(drawn({ kinds: Faults.deviceKinds }, { nodes: 3, devices: 0 })).toEqual([])
  })
})

it("a fault is as strong as it can be at 1, and no stronger", () => {
  const read = Schema.decodeUnknownEither(Faults.Fault)
  const [one] = Faults.planOf(Faults.swarm(), 7, three)
  expect([0, 1, 1.01, -1].map((strength) => read({ ...one, strength })._tag)).toEqual(
    ["Right", "Right", "Left", "Left"]
  )
})
