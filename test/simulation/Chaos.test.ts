/** How faults begin and end: by themselves, several at a time, and all at once. */
import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, Remembered } from "@plantd/actors"
import { Attribute, Device, Link } from "@plantd/hardware"
import { Faults, Simulation } from "@plantd/simulation"
import { Clock, Effect, Layer, Schema } from "effect"

type Sim = Simulation.Sim<undefined>

const fault = (
  kind: Faults.Kind,
  [atMillis, forMillis]: readonly [number, number],
  given: Partial<Faults.Fault> = {}
): Faults.Fault => ({ kind, atMillis, forMillis, node: 0, other: 1, strength: 1, ...given })

const ran = <E>(
  faults: Faults.Plan,
  workload: (sim: Sim) => Effect.Effect<unknown, E>,
  options: Partial<Simulation.Options<undefined>> = {}
) => Simulation.run(1, { actors: Layer.empty, faults, ...options }, workload)

/** What the trace has of faults. */
const faultsOf = ({ events }: Simulation.Report) =>
  events.flatMap(({ detail, kind }) => kind === "fault" ? [detail] : [])

/** Whether the first node is up, at these times after the beginning of the workload. */
const upAt = (faults: Faults.Plan, times: ReadonlyArray<number>) => {
  const up: Array<boolean> = []
  const { violation } = ran(faults, (sim) =>
    Effect.gen(function*() {
      const begun = sim.now()
      for (const time of times) {
        yield* sim.advance(begun + time - sim.now())
        up.push(sim.nodes[0]?.isUp === true)
      }
    }))
  expect(violation).toBeUndefined()
  return up
}

/** Nodes that take three seconds to stop. */
const slowToStop = Layer.scopedDiscard(Effect.addFinalizer(() => Effect.sleep("3 seconds")))

describe("the end of all faults", () => {
  it("leaves out those that are to come", () => {
    const report = ran([fault("kill", [8_000, 1_000])], (sim) => {
      const begun = sim.now()
      sim.always("it stays up", () => sim.nodes.every(({ isUp }) => isUp))
      sim.eventually("the time of the fault is over", () => sim.now() > begun + 12_000)
      return sim.advance("2 seconds")
    })
    expect(report.violation).toBeUndefined()
    expect(faultsOf(report)).toEqual([])
  })

  it("ends nothing that is done after it", () => {
    const up: Array<boolean> = []
    ran(
      [fault("kill", [0, 1_000]), fault("pause", [0, 3_000], { node: 1 })],
      (sim) =>
        Effect.gen(function*() {
          yield* sim.advance("500 millis")
          yield* sim.heal
          const [first, second] = sim.nodes
          yield* first?.kill ?? Effect.void
          yield* second?.pause("20 seconds") ?? Effect.void
          for (const time of [1_000, 3_000]) {
            yield* sim.advance(time)
            up.push(...[first, second].map((node) => node?.isUp === true))
          }
        })
    )
    expect(up).toEqual([false, false, false, false])
  })
})

describe("several faults of one node", () => {
  it("last until the last of them has ended", () => {
    const times = [1_500, 2_900, 3_500]
    for (const kind of ["pause", "kill", "powerLoss"] as const) {
      const up = upAt([fault(kind, [1_000, 2_000]), fault(kind, [1_100, 200])], times)
      expect([kind, ...up]).toEqual([kind, false, false, true])
    }
  })

  it("hold one run of it, and not the next one", () => {
    const plan = [fault("pause", [0, 9_000]), fault("kill", [500, 500])]
    expect(upAt(plan, [300, 800, 1_200])).toEqual([false, false, true])
  })
})

describe("a node that is stopped", () => {
  /** When it has stopped, and when it was back, in ms after the beginning of the workload. */
  const stopped = (faults: Faults.Plan) => {
    const marks: Array<string> = []
    const report = ran(faults, (sim) => {
      marks.push(`${sim.now()}`)
      return sim.advance("9 seconds")
    }, { actors: slowToStop })
    expect(report.violation).toBeUndefined()
    const begun = Number(marks[0])
    return report.events.flatMap(({ at, detail, node }) =>
      node === "node-0" && at > begun && at < begun + 9_000
        && ["stopped", "joined"].includes(detail)
        ? [`${detail} after ${Math.floor((at - begun) / 1_000)} s`]
        : []
    )
  }

  it("starts once it has stopped, where that takes longer than its fault", () => {
    expect(stopped([fault("stop", [100, 200])])).toEqual(["stopped after 3 s", "joined after 3 s"])
  })

  it("stops in good order, however often it is told to", () => {
    const plan = [fault("stop", [100, 200]), fault("stop", [150, 100]), fault("stop", [900, 100])]
    expect(stopped(plan)).toEqual(["stopped after 3 s", "joined after 3 s"])
  })
})

describe("what is told of connections that break", () => {
  const Echo = Actor.make("Echo", [Rpc.make("Say")])
  const actors = Echo.toLayer(Effect.succeed({ Say: () => Effect.void }))

  /** How often the tester posts its question anew, in the first second after this was done. */
  const postedAgain = (faults: (node: number) => Faults.Plan) => {
    const report = ran([], (sim) =>
      Effect.gen(function*() {
        const owner = yield* sim.ownerOf(Echo, "e-1")
        for (const one of faults(sim.nodes.indexOf(owner))) yield* sim.inject(one)
        yield* sim.advance("10 millis")
        yield* Effect.fork(Effect.exit(sim.client(Echo)("e-1").Say()))
        yield* sim.advance("990 millis")
        sim.fail("the end", owner.name)
      }), { actors })
    const to = ` to ${report.violation?.detail}`
    return report.events.filter(({ at, detail, kind, node }) =>
      node === "tester" && kind === "message" && detail.endsWith(to)
      && at > (report.violation?.at ?? 0) - 990
    ).length
  }

  it("comes by the network: nothing from a node that is cut off", () => {
    const cut = (node: number) => fault("isolate", [0, 5_000], { node })
    const kill = (node: number) => fault("kill", [1, 5_000], { node })
    const resets = (node: number) =>
      Array.from({ length: 9 }, (_, n) => fault("resetConnections", [n * 100, 0], { node }))
    const silent = postedAgain((node) => [cut(node)])
    expect(postedAgain((node) => [kill(node)])).toBeGreaterThan(silent + 1)
    expect(postedAgain((node) => [cut(node), kill(node)])).toBe(silent)
    expect(postedAgain((node) => [cut(node), ...resets(node)])).toBe(silent)
  })
})

it("actors that start before their node has joined are seen", () => {
  const Early = Actor.make("Early", [Rpc.make("Say")])
  // A node has joined once all its layers are built.
  const actors = Layer.effectDiscard(Effect.sleep("10 seconds")).pipe(
    Layer.provideMerge(Early.toLayer(Effect.succeed({ Say: () => Effect.void }))),
    Layer.provideMerge(Remembered.always(Early.at("e-1")))
  )
  const seen: Array<number> = []
  ran([], (sim) =>
    Effect.sync(() => {
      seen.push(
        sim.starts(Early, "e-1").length,
        sim.nodes.flatMap((node) => node.residents()).length
      )
    }), { actors })
  expect(seen).toEqual([1, 1])
})

it("a node that cannot start tries again, and comes back by itself", () => {
  const plan = [fault("kill", [100, 900]), fault("storage.cut", [500, 6_000])]
  const report = ran(plan, (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("7 seconds")
      yield* sim.until("it is back", () =>
        (sim.nodes[0]?.residents() ?? []).length >= 0
        && Array.from({ length: 32 }, (_, id) => `${id}`).some((id) =>
          sim.nodes[0]?.isHere(id) === true
        ), { within: "10 seconds" })
    }))
  expect(report.violation).toBeUndefined()
  expect(report.events.some(({ detail }) => detail.includes("node-0 cannot start"))).toBe(true)
})

it("a clock is off by an hour until its fault is over", () => {
  const Watch = Actor.make("Watch", [Rpc.make("Now", { success: Schema.Number })])
  const actors = Watch.toLayer(Effect.succeed({ Now: () => Clock.currentTimeMillis }))
  const times: Array<number> = []
  const plan = [fault("clockSkew", [500, 20_000]), fault("kill", [600, 200])]
  ran(plan, (sim) =>
    Effect.gen(function*() {
      const first = yield* sim.client(Watch)("w-1").Now()
      for (const time of ["1 second", "25 seconds"] as const) {
        yield* sim.advance(time)
        times.push(Math.round(((yield* sim.client(Watch)("w-1").Now()) - first) / 3_600_000))
      }
    }), { actors, nodes: 1 })
  expect(times).toEqual([1, 0])
})

it("a fault with nothing to do it to is traced as such", () => {
  const plan = [
    fault("partition", [10, 100], { other: 0 }),
    fault("kill", [20, 100], { node: 1 }),
    fault("device.drop", [30, 100]),
    fault("storage.cut", [40, 100])
  ]
  const report = ran(plan, (sim) => sim.advance("1 second"), { nodes: 1 })
  expect(faultsOf(report)).toEqual([
    "at 10 ms: partition of node 0 and node 0 for 100 ms: no such target",
    "at 20 ms: kill of node 1 for 100 ms: no such target",
    "at 30 ms: device.drop of device 0 for 100 ms: no such target",
    "at 40 ms: storage.cut of node 0 for 100 ms"
  ])
})

it("a workload does any fault at the moment that matters", () => {
  const report = ran([], (sim) =>
    Effect.gen(function*() {
      yield* sim.advance("1 second")
      yield* sim.inject(fault("powerLoss", [500, 1_000]))
      sim.sometimes("it is down", () => sim.nodes[0]?.isUp === false)
      yield* sim.advance("1 second")
    }))
  expect([...report.sometimes]).toEqual([["it is down", true]])
  expect(faultsOf(report)).toEqual(["at 500 ms: powerLoss of node 0 for 1000 ms"])
})

describe("faults of a device", () => {
  /** What is done to a device. */
  const done = (faults: Faults.Plan, options: Partial<Simulation.Options<undefined>> = {}) => {
    const all: Array<string> = []
    const note = (what: string) => Effect.sync(() => void all.push(what))
    const device: Simulation.FaultyDevice = {
      cut: () => note("cut"),
      heal: note("heal"),
      shape: (settings) => note(`shape ${Object.keys(settings).join(" ")}`),
      unshape: note("unshape"),
      kill: note("kill"),
      start: note("start")
    }
    const devices = () => [device]
    ran(faults, (sim) => Effect.zipRight(sim.advance("1 second"), note("-")), {
      devices,
      ...options
    })
    return all.slice(0, all.indexOf("-"))
  }

  it("reach it, and end with their time", () => {
    const each = Faults.deviceKinds.map((kind) => [kind, done([fault(kind, [10, 100])])])
    expect(Object.fromEntries(each)).toEqual({
      "device.disconnect": ["cut", "heal"],
      "device.delay": ["unshape", "shape latencyMillis", "unshape"],
      "device.drop": ["unshape", "shape loss", "unshape"],
      "device.duplicate": ["unshape", "shape duplicate", "unshape"],
      "device.restart": ["kill", "start"]
    })
  })

  it("last until the last of them has ended", () => {
    const [long, short] = [[10, 500], [100, 100]] as const
    expect(done([fault("device.disconnect", long), fault("device.disconnect", short)]).at(-2))
      .toBe("cut")
    expect(done([fault("device.drop", long), fault("device.delay", short)])).toEqual([
      "unshape",
      "shape loss",
      "unshape",
      "shape loss",
      "shape latencyMillis",
      "unshape",
      "shape loss",
      "unshape"
    ])
  })

  it("leave its link as it was set up, when they end and when all are ended", () => {
    const Gauge = Device.make("Gauge", {
      attributes: { level: Attribute.number({ unit: "1", range: [0, 1] }) },
      commands: {}
    })
    const handlers = { read: { level: Effect.succeed(0.5) }, commands: {} }
    const report = Simulation.run(1, {
      nodes: 1,
      plant: Link.simulated(Gauge, () => Effect.succeed({ handlers }), {
        network: { latencyMillis: { min: 200, max: 200 } }
      }),
      devices: ({ device }) => [device("g-1")],
      actors: ({ link }) => Gauge.toLayer({ link }),
      faults: [fault("device.delay", [4_000, 1_000])]
    }, (sim) =>
      Effect.gen(function*() {
        const gauge = (yield* sim.run(Gauge.client))("g-1")
        const read = Effect.gen(function*() {
          const begun = sim.now()
          yield* sim.run(gauge.read.level)
          sim.check("it takes its time", sim.now() - begun > 350 ? undefined : "too fast")
        })
        // The first that asks for it starts it.
        yield* Effect.exit(sim.run(gauge.read.level))
        yield* sim.advance("6 seconds")
        yield* read
        yield* sim.plant.device("g-1").shape({ latencyMillis: { min: 0, max: 0 } })
        yield* sim.heal
        yield* sim.advance("1 second")
        yield* read
      }))
    expect(report.violation).toBeUndefined()
    expect(faultsOf(report)).toHaveLength(1)
  })
})
