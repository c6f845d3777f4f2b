import { describe, expect, it } from "@effect/vitest"
import { ActorError } from "@plantd/actors"
import { DeviceError } from "@plantd/hardware"
import { Checkers } from "@plantd/simulation"
import { Cause, Exit } from "effect"
import * as fc from "fast-check"

describe("what was sent and what was done:", () => {
  it("at most once", () => {
    expect(Checkers.atMostOnce([])).toBeUndefined()
    expect(Checkers.atMostOnce([3, 1, 2])).toBeUndefined()
    expect(Checkers.atMostOnce(["a", "b", "a", "a"])).toBe("done more than once: a")
  })

  it("a finding names some, and says how many more there are", () => {
    const twice = Array.from({ length: 14 }, (_, index) => index >> 1)
    expect(Checkers.atMostOnce(twice)).toBe("done more than once: 0, 1, 2, 3, 4, and 2 more")
  })

  it("exactly once, by ledger", () => {
    const sent = ["a", "b", "c"]
    expect(Checkers.exactlyOnce({ sent, applied: ["c", "a"] })).toBeUndefined()
    expect(Checkers.exactlyOnce({ sent, applied: ["a", "b", "a"] })).toBe("done more than once: a")
    expect(Checkers.exactlyOnce({ sent, applied: ["a", "x"] })).toBe("applied, and never sent: x")
  })

  it("acknowledged is durable", () => {
    const applied = ["a", "b", "unheard"]
    expect(Checkers.acknowledgedIsDurable({ acknowledged: ["b", "a"], applied })).toBeUndefined()
    expect(Checkers.acknowledgedIsDurable({ acknowledged: ["a", "c"], applied }))
      .toBe("acknowledged, and lost: c")
  })

  it("in order, with some missing", () => {
    expect(Checkers.inOrder([])).toBeUndefined()
    expect(Checkers.inOrder([0, 1, 4, 7])).toBeUndefined()
    expect(Checkers.inOrder([0, 4, 3, 7])).toBe("3 was handled after 4, as number 3 of 4")
    expect(Checkers.inOrder([1, 0])).toBe("0 was handled after 1, as number 2 of 2")
  })

  it("one writer per device, by its fences", () => {
    const begun = (...fences: ReadonlyArray<number>) =>
      fences.map((fence, index) => ({ fence, command: `c-${index}` }))
    expect(Checkers.fencesRise([])).toBeUndefined()
    expect(Checkers.fencesRise(begun(1, 1, 2, 5))).toBeUndefined()
    expect(Checkers.fencesRise(begun(1, 2, 1, 2)))
      .toBe("c-2 was begun with fence 1, after c-1 with fence 2")
  })
})

describe("what a sender is told", () => {
  const address = { type: "Valve", id: "v-1" }
  const about = { address, tag: "Open" }
  const command = { device: "v-1", operation: "open", commandId: "c-1", detail: "" }
  const timedOut = (outcome: "not-handled" | "unknown") =>
    new ActorError.AskTimeout({ ...about, timeoutMillis: 1, outcome })
  const invalid = (part: "payload" | "answer") =>
    new ActorError.MessageInvalid({ ...about, part, issue: "" })

  it.each<[Checkers.Told, string, Exit.Exit<unknown, unknown>]>([
    ["done", "an answer", Exit.succeed(1)],
    ["unknown", "an answer that cannot be read", Exit.fail(invalid("answer"))],
    ["done", "a result that cannot be read", Exit.fail(new DeviceError.ResultInvalid(command))],
    ["not-done", "a payload that was not sent", Exit.fail(invalid("payload"))],
    ["not-done", "a time that was over before", Exit.fail(timedOut("not-handled"))],
    [
      "not-done",
      "a node out of reach",
      Exit.fail(new ActorError.NotDelivered({ ...about, detail: "" }))
    ],
    [
      "not-done",
      "a device that refused",
      Exit.fail(new DeviceError.CommandRejected({ ...command, reason: "busy" }))
    ],
    ["unknown", "a time that was over", Exit.fail(timedOut("unknown"))],
    ["unknown", "a lost link", Exit.fail(new DeviceError.OutcomeUnknown(command))],
    ["unknown", "an error of its own", Exit.fail({ _tag: "TooHot" })],
    ["unknown", "no error at all", Exit.fail(undefined)],
    ["unknown", "a defect", Exit.die("broken")],
    ["unknown", "an interruption", Exit.failCause(Cause.empty)]
  ])("%s, by %s", (told, _, exit) => {
    expect(Checkers.toldOf(exit)).toBe(told)
  })

  it("is true, and never nothing", () => {
    const done = ["a", "u"]
    const outcome = (...told: ReadonlyArray<readonly [string, Checkers.Told | undefined]>) =>
      Checkers.outcomesAreTrue({ told, done })
    expect(outcome(["a", "done"], ["b", "not-done"], ["u", "unknown"], ["v", "unknown"]))
      .toBeUndefined()
    expect(outcome(["a", undefined])).toBe("of which nothing was told: a")
    expect(outcome(["b", "done"])).toBe("told to be done, and not done: b")
    expect(outcome(["a", "not-done"])).toBe("told not to be done, and done: a")
  })
})

describe("the lives of actors:", () => {
  const watch = (reasons: ReadonlyArray<string>, isOwed: boolean) => ({
    watch: "w",
    reasons,
    isOwed
  })

  it("exactly one Terminated per watch", () => {
    expect(Checkers.oneTerminated([watch(["moved"], true), watch(["stopped"], false)]))
      .toBeUndefined()
    // Its watcher has ended, and with it the watch.
    expect(Checkers.oneTerminated([watch([], false)])).toBeUndefined()
    expect(Checkers.oneTerminated([watch([], true)])).toBe("never told: w")
    expect(Checkers.oneTerminated([watch(["moved", "stopped"], false)]))
      .toBe("told more than once: w (moved, stopped)")
  })

  it("restart intensity, in each life", () => {
    const allowed = { maxRestarts: 2, withinMillis: 1_000 }
    const starts = (life: number, ...times: ReadonlyArray<number>) =>
      times.map((at) => ({ at, life }))
    expect(Checkers.restartIntensity([], allowed)).toBeUndefined()
    // The first start, and two others.
    expect(Checkers.restartIntensity(starts(1, 0, 100, 200), allowed)).toBeUndefined()
    expect(Checkers.restartIntensity(starts(1, 0, 100, 200, 1_000), allowed)).toBeUndefined()
    expect(Checkers.restartIntensity(starts(1, 0, 100, 200, 999), allowed))
      .toBe("3 restarts within 999 ms, from 0 ms on: at most 2 may be within 1000 ms")
    expect(Checkers.restartIntensity(starts(1, 0, 600, 1_200, 1_300, 1_400), allowed))
      .toBe("3 restarts within 800 ms, from 600 ms on: at most 2 may be within 1000 ms")
    expect(Checkers.restartIntensity([...starts(1, 0, 1, 2), ...starts(2, 3, 4, 5)], allowed))
      .toBeUndefined()
    expect(Checkers.restartIntensity(starts(1, 0, 1), { ...allowed, maxRestarts: 0 }))
      .toContain("1 restarts within 1 ms")
  })

  /** Two nodes, as a test says that they are. */
  const cluster = () => {
    const node = (name: string) => ({
      name,
      isUp: true,
      here: new Set<string>(),
      alive: new Array<string>()
    })
    const [one, two] = [node("one"), node("two")]
    const always: Array<() => boolean> = []
    const found: Array<string> = []
    let now = 0
    const sim = {
      now: () => now,
      nodes: [one, two].map((state) => ({
        name: state.name,
        get isUp() {
          return state.isUp
        },
        isHere: (id: string) => state.here.has(id),
        residents: () => state.alive.map((id) => ({ type: "Valve", id }))
      })),
      always: (name: string, holds: () => boolean) => {
        always.push(() => {
          const does = holds()
          if (!does) found.push(name)
          return does
        })
      },
      check: (name: string, finding: Checkers.Finding) => {
        if (finding !== undefined) found.push(`${name}: ${finding}`)
      }
    }
    const look = (at: number) => {
      now = at
      for (const holds of always) holds()
      return found.splice(0)
    }
    return { one, two, sim: sim as unknown as Checkers.Watched, look }
  }

  it("one owner at a time", () => {
    const { look, one, sim, two } = cluster()
    Checkers.oneOwner(sim, ["a", "b"])
    one.here.add("a")
    two.here.add("b")
    expect(look(0)).toEqual([])
    two.here.add("other")
    one.here.add("other")
    expect(look(1)).toEqual([])
    two.here.add("a")
    expect(look(2)).toEqual(["one owner at a time"])
  })

  it("no leaked actor: it may stay for a while, and while its node stands still", () => {
    const { look, one, sim, two } = cluster()
    Checkers.noLeakedActor(sim, { withinMillis: 100 })
    one.alive.push("a")
    one.here.add("a")
    expect(look(0)).toEqual([])
    one.here.clear()
    // Nobody else has it.
    expect([look(1_000), look(2_000)]).toEqual([[], []])
    two.here.add("a")
    two.alive.push("a")
    expect([look(2_100), look(2_200)]).toEqual([[], []])
    one.isUp = false
    expect([look(2_300), look(3_000)]).toEqual([[], []])
    one.isUp = true
    expect([look(3_100), look(3_200)]).toEqual([[], []])
    // It looks now and then alone.
    expect(look(3_201)).toEqual([])
    expect(look(3_300)).toEqual([
      "no leaked actor: Valve/a on one is alive 200 ms after it has moved"
    ])
    one.alive.length = 0
    expect(look(3_400)).toEqual([])
  })
})

describe("one order for a register", () => {
  type Operation = Checkers.Operation<number>
  const write = (value: number, begun: number, ended?: number): Operation => ({
    kind: "write",
    value,
    begun,
    ended
  })
  const read = (value: number, begun: number, ended: number): Operation => ({
    kind: "read",
    value,
    begun,
    ended
  })
  const finding = (operations: ReadonlyArray<Operation>, configurationsMax?: number) =>
    Checkers.linearizable(operations, {
      initial: 0,
      ...(configurationsMax !== undefined && { configurationsMax })
    })

  it.each<[string, ReadonlyArray<Operation>]>([
    ["nothing", []],
    ["what was there before", [read(0, 0, 1)]],
    ["one after the other", [write(1, 0, 1), read(1, 2, 3), write(2, 4, 5), read(2, 6, 7)]],
    ["a read beside a write, before or after it", [
      write(1, 0, 10),
      read(0, 1, 2),
      read(1, 3, 4),
      read(1, 11, 12)
    ]],
    ["two writes at a time, in either order", [write(1, 0, 9), write(2, 0, 9), read(1, 10, 11)]],
    ["an unknown write that takes effect late", [
      write(1, 0),
      write(2, 1, 2),
      read(2, 3, 4),
      read(1, 5, 6)
    ]],
    ["an unknown write that never does", [write(1, 0), read(0, 5, 6), read(0, 50, 60)]],
    ["a read that ends as a write begins", [read(1, 0, 5), write(1, 5, 6)]]
  ])("is there: %s", (_, operations) => {
    expect(finding(operations)).toBeUndefined()
  })

  it.each<[string, ReadonlyArray<Operation>, string]>([
    ["what was never written", [write(1, 0, 1), read(7, 2, 3)], "7 was read from 2 to 3 ms"],
    ["a stale read", [write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)], "before is 2"],
    [
      "a value that goes back",
      [write(1, 0, 10), read(1, 1, 2), read(0, 3, 4)],
      "0 was read from 3 to 4 ms"
    ],
    [
      "an unknown write that takes effect twice",
      [write(1, 0), read(1, 1, 2), write(2, 3, 4), read(2, 5, 6), read(1, 7, 8)],
      "1 was read from 7 to 8 ms"
    ],
    ["a read before its write", [read(1, 0, 4), write(1, 5, 6)], "1 was read from 0 to 4 ms"]
  ])("is not there: %s", (_, operations, text) => {
    expect(finding(operations)).toContain(text)
  })

  it("is not looked for without end, and that is said", () => {
    const many = Array.from({ length: 12 }, (_, index) => write(index, 0, 100))
    expect(finding([...many, read(-1, 101, 102)], 5_000))
      .toBe("undecided: more than 5000 configurations (configurationsMax)")
    expect(finding([write(1, 0, 1), read(1, 2, 3)], 5_000)).toBeUndefined()
  })

  /** Tries all orders, with and without each operation that need not have taken effect. */
  const brute = (operations: ReadonlyArray<Operation>, value = 0): boolean => {
    if (operations.every(({ ended }) => ended === undefined)) return true
    const first = Math.min(...operations.map(({ ended }) => ended ?? Number.POSITIVE_INFINITY))
    return operations.some((operation, index) => {
      const { begun, ended, kind } = operation
      if (begun > first || (kind === "read" && operation.value !== value)) return false
      if (kind === "read" && ended === undefined) return false
      return brute(operations.toSpliced(index, 1), operation.value)
    })
  }

  const time = fc.nat(8)
  const operation = fc.record({
    kind: fc.constantFrom<Operation["kind"]>("read", "write"),
    value: fc.nat(2),
    begun: time,
    lasts: fc.option(fc.nat(5), { nil: undefined, freq: 4 })
  }).map(({ begun, kind, lasts, value }): Operation => ({
    kind,
    value,
    begun,
    ended: lasts === undefined ? undefined : begun + lasts
  }))

  it("is found where there is one, and nowhere else, as trying all of them does", () => {
    let fitting = 0
    let runs = 0
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 7 }), (operations) => {
        const expected = brute(operations)
        runs++
        if (expected) fitting++
        expect(finding(operations) === undefined).toBe(expected)
      }),
      { numRuns: 3_000 }
    )
    expect(fitting).toBeGreaterThan(runs / 20)
    expect(fitting).toBeLessThan(runs - runs / 20)
  })

  const done = fc.record({
    kind: fc.constantFrom<Operation["kind"]>("read", "write"),
    at: fc.nat(1_000),
    before: fc.nat(100),
    after: fc.nat(100),
    isKnown: fc.boolean()
  })

  it("is found in what a register has done, however long it went on", () => {
    fc.assert(
      fc.property(fc.array(done, { minLength: 20, maxLength: 80 }), (deeds) => {
        let value = 0
        const operations = deeds.toSorted((a, b) => a.at - b.at).map(
          ({ after, at, before, isKnown, kind }, index): Operation => {
            if (kind === "write") value = index
            const ended = kind === "read" || isKnown ? at + after : undefined
            return { kind, value, begun: at - before, ended }
          }
        )
        expect(finding(operations)).toBeUndefined()
      }),
      { numRuns: 200 }
    )
  })
})
