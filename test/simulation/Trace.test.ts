import { describe, expect, it } from "@effect/vitest"
import { Attribute, Command, Device, Driver, Link } from "@plantd/hardware"
import { Replay, Simulation, Trace } from "@plantd/simulation"
import { Effect, Schema } from "effect"
import { event, fault, real, report } from "./planned.ts"

describe("JSON lines", () => {
  it("are the run, and then each of its events", () => {
    const events = [event(1.234_567, "node-0"), event(2, "world", "fault", 'a "quote"\n')]
    const text = Trace.jsonLines("planned", report({ seed: 3, events, check: "one writer" }))
    expect(text.endsWith("\n")).toBe(true)
    const [run, ...others] = text.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)
    expect(run).toMatchObject({
      type: "run",
      scenario: "planned",
      seed: 3,
      verdict: "failed",
      violation: { check: "one writer" },
      events: 2,
      kept: 2
    })
    expect(others).toEqual([
      { type: "event", atMs: 1.235, node: "node-0", kind: "note", detail: "note 1.234567" },
      { type: "event", atMs: 2, node: "world", kind: "fault", detail: 'a "quote"\n' }
    ])
  })
})

describe("a time line", () => {
  it("has the last events of each node in the order of time, however many one has", () => {
    const busy = Array.from({ length: 500 }, (_, n) => event(100 + n, "node-1"))
    const events = [event(1, "node-0"), event(2, "node-0"), ...busy, event(900, "node-2")]
    const lines = Trace.timeLine(events, 12)
    expect(lines).toHaveLength(2 + 4 + 1)
    expect(lines[0]).toMatch(/^ +1\.0 ms {2}node-0 {2}note {2}note 1$/)
    expect(lines.map((line) => Number(line.slice(0, 10)))).toEqual([1, 2, 596, 597, 598, 599, 900])
  })

  it("has one line for each event, of some length, whatever its detail is", () => {
    const [line = ""] = Trace.timeLine([event(1, "node-0", "note", `a\nb ${"c".repeat(400)}`)])
    expect(line).toContain("a b ccc")
    expect(line.length).toBeLessThan(200)
  })

  it("of nothing is empty", () => {
    expect(Trace.timeLine([])).toEqual([])
  })
})

it("the messages of a real run go to nodes of that run", () => {
  const { events } = real.run(1, [])
  const receivers = events.flatMap((one) => Trace.receiverOf(one) ?? [])
  expect(receivers).toHaveLength(events.filter(({ kind }) => kind === "message").length)
  expect(new Set(receivers)).toEqual(new Set(["node-0", "node-1", "node-2", "tester"]))
  expect(Trace.nodesOf(events)).toEqual(["node-0", "node-1", "node-2", "tester"])
})

it("what a device does stands in a lane of its own", () => {
  const Press = Device.make("Press", {
    attributes: { force: Attribute.number({ unit: "kN", range: [0, 50], access: "read-write" }) },
    commands: { label: Command.make({ payload: { text: Schema.String }, effect: "pulse" }) }
  })
  const none = Effect.succeed(0)
  const handlers = {
    read: { force: none },
    write: { force: () => Driver.refuse("busy", "it is hot") },
    commands: { label: () => Effect.void }
  }
  const onSilence = { after: "3 seconds", run: Effect.void } as const
  const { events, verdict } = Simulation.run(1, {
    plant: Link.simulated(Press, () => Effect.succeed({ handlers, onSilence })),
    devices: (plant) => [plant.device("p-1")],
    actors: ({ link }) => Press.toLayer({ link })
  }, (sim) =>
    Effect.gen(function*() {
      const press = (yield* sim.run(Press.client))("p-1")
      yield* sim.run(press.link)
      yield* sim.advance("1 second")
      yield* sim.run(press.label({ text: "x".repeat(400) }, { commandId: "c-1" }))
      yield* Effect.exit(sim.run(press.write.force(5, { commandId: "c-2" })))
      yield* sim.inject({ ...fault("device.disconnect", 60_000), atMillis: 0 })
      yield* sim.advance("5 seconds")
      yield* sim.inject({ ...fault("device.restart", 100), atMillis: 0 })
      yield* sim.advance("1 second")
    }))
  expect(verdict).toBe("passed")
  expect(Trace.nodesOf(events)).toEqual([
    "node-0",
    "node-1",
    "node-2",
    "Press/p-1",
    "tester",
    "world"
  ])
  const told = events.filter(({ node }) => node === "Press/p-1")
  expect(told.map(({ kind }) => kind)).toEqual(told.map(() => "device"))
  expect(told.map(({ detail }) => detail)).toEqual([
    "starts in epoch 1",
    expect.stringMatching(/^met node-[012]:1, fence 1$/),
    `begins INVOKE label {"text":"${"x".repeat(191)}… (c-1, fence 1)`,
    "done: INVOKE label (c-1)",
    "begins WRITE force 5 (c-2, fence 1)",
    "busy: WRITE force (c-2): it is hot",
    "made safe: no node was heard for 3000 ms",
    "starts in epoch 2"
  ])
})

describe("what is said of a failure", () => {
  const plan = [fault("kill"), fault("pause")]
  const failed = report({ seed: 17, plan, check: "one writer" })
  const commandOf = Replay.simulate("planned")

  it("is the seed, the check, the faults, what happened last, and the command", () => {
    expect(
      Trace.textOf({ scenario: "planned", report: failed, given: {}, shrunk: undefined }, commandOf)
    )
      .toBe([
        "planned fails with seed 17: one writer",
        "  not one writer",
        "  at 9 ms of 10000 ms in virtual time",
        "",
        "faults:",
        "  at 1000 ms: kill of node 0 for 8000 ms",
        "  at 1000 ms: pause of node 0 for 8000 ms",
        "",
        "the last events of each node:",
        "       1.0 ms  node-0  note  note 1",
        "       2.0 ms  node-1  note  note 2",
        "",
        "to run it again:",
        "  plantd simulate --scenario planned --seeds 17"
      ].join("\n"))
  })

  it("has a command with the plan that it was given, and that it is to be run twice", () => {
    const given = { plan, check: true }
    const text = Trace.textOf(
      { scenario: "planned", report: failed, given, shrunk: undefined },
      commandOf
    )
    expect(text).toContain(`--seeds 17 --plan '${Replay.textOfPlan(plan)}' --check`)
  })

  it("has the smaller plan, and the command for it, where there is one", () => {
    const smaller = report({ seed: 18, plan: [fault("kill", 100)], check: "one writer" })
    const shrunk = {
      report: smaller,
      plan: smaller.plan,
      seed: 18,
      runs: 60,
      complete: false
    }
    const text = Trace.textOf({ scenario: "planned", report: failed, given: {}, shrunk }, commandOf)
    expect(text).toContain("(1 of 2, by 60 runs, which is their bound, with seed 18):\n")
    expect(text).toContain("\n  at 1000 ms: kill of node 0 for 100 ms\n")
    expect(text).not.toContain("pause")
    expect(text).toContain("\n  plantd simulate --scenario planned --seeds 17\n")
    expect(text).toContain("--seeds 18 --plan '[{")
  })

  it("says so where no faults are needed, or there were none", () => {
    const bare = report({ seed: 17, check: "one writer" })
    const shrunk = { report: bare, plan: [], seed: 17, runs: 1, complete: true }
    expect(Trace.textOf({ scenario: "planned", report: failed, given: {}, shrunk }, commandOf))
      .toContain(
        "\nit fails without faults (0 of 2, by 1 run)\n"
      )
    expect(
      Trace.textOf({ scenario: "planned", report: bare, given: {}, shrunk: undefined }, commandOf)
    )
      .toContain("\nwithout faults\n")
  })
})

describe("the first difference of two runs", () => {
  const events = [event(1, "node-0"), event(2, "node-1")]

  it("is none where they are the same", () => {
    expect(Trace.difference(report({ events }), report({ events }))).toBeUndefined()
  })

  it("is an event that differs or is missing", () => {
    const other = { traceHash: "other" }
    expect(
      Trace.difference(
        report({ events }),
        report({ ...other, events: [event(1, "node-0"), event(3, "node-1")] })
      )
    ).toBe(
      "event 2 of those kept: at 2 ms node-1 note note 2; "
        + "the second time: at 3 ms node-1 note note 3"
    )
    expect(
      Trace.difference(report({ events }), report({ ...other, events: events.slice(0, 1) }))
    ).toContain("the second time: none")
  })

  it("is in the steps where the events are the same", () => {
    expect(
      Trace.difference(report({ events }), report({ events, steps: 101, traceHash: "other" }))
    ).toContain("100 steps, and 101 the second time")
  })
})
