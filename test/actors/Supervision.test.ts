import { describe, expect, it } from "@effect/vitest"
import { Supervision } from "@plantd/actors"
import { Cause } from "effect"
import * as fc from "fast-check"

const restart = Supervision.restart({
  maxRestarts: 2,
  within: "1 seconds",
  backoff: { min: "100 millis", max: "1 seconds", factor: 2, jitter: 0, resetAfter: "5 seconds" }
})

const crashes = (supervision: Supervision.Supervision, times: ReadonlyArray<number>) => {
  let history = Supervision.untroubled
  let startedAt = 0
  return times.map((now) => {
    const [next, directive] = Supervision.onCrash(supervision, history, {
      cause: Cause.die("broken"),
      now,
      startedAt,
      random: 0.5
    })
    history = next
    startedAt = now
    return directive
  })
}

describe("restart", () => {
  it("delays grow with each crash in a row", () => {
    const delays = crashes(restart, [0, 1_000, 2_000, 3_000, 4_000])
    expect(delays.map((d) => (d._tag === "Restart" ? d.delayMillis : d._tag))).toEqual([
      100,
      200,
      400,
      800,
      1_000
    ])
  })

  it("delays begin anew after a quiet time", () => {
    expect(crashes(restart, [0, 1_000, 6_000])).toEqual([
      { _tag: "Restart", delayMillis: 100 },
      { _tag: "Restart", delayMillis: 200 },
      { _tag: "Restart", delayMillis: 100 }
    ])
  })

  it("one crash more than allowed within the window stops the actor", () => {
    expect(crashes(restart, [0, 500, 999])[2]).toEqual({ _tag: "Stop", reason: "restart-limit" })
  })

  it("the window slides: a restart as old as the window does not count", () => {
    expect(crashes(restart, [0, 500, 1_000])[2]).toMatchObject({ _tag: "Restart" })
  })

  it("with no restarts allowed the first crash stops the actor", () => {
    expect(crashes(Supervision.restart({ maxRestarts: 0 }), [0])).toEqual([
      { _tag: "Stop", reason: "restart-limit" }
    ])
  })

  it("within any window there are no more restarts than allowed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 }),
        fc.integer({ min: 0, max: 4 }),
        (gaps, maxRestarts) => {
          const supervision = Supervision.restart({ maxRestarts, within: "1 seconds" })
          let now = 0
          let history = Supervision.untroubled
          const restarts: Array<number> = []
          for (const gap of gaps) {
            now += gap
            const crash = { cause: Cause.empty, now, startedAt: now, random: 0 }
            const [next, directive] = Supervision.onCrash(supervision, history, crash)
            history = next
            if (directive._tag === "Restart") restarts.push(now)
            expect(history.restarts.length).toBeLessThanOrEqual(maxRestarts)
          }
          for (const at of restarts) {
            const within = restarts.filter((other) => other <= at && at - other < 1_000)
            expect(within.length).toBeLessThanOrEqual(maxRestarts)
          }
        }
      )
    )
  })

  it("a number of restarts that is no count is refused with the option's name", () => {
    expect(() => Supervision.restart({ maxRestarts: -1 })).toThrow(/maxRestarts is -1/)
    expect(() => Supervision.restart({ maxRestarts: 1.5 })).toThrow(/maxRestarts is 1.5/)
  })

  it.each<[string, Supervision.RestartOptions]>([
    ["within is 0 ms, expected more than 0", { within: 0 }],
    ["within is -1 seconds, expected more than 0", { within: "-1 seconds" }],
    ["backoff.factor is 0.5, expected a number of at least 1", { backoff: { factor: 0.5 } }],
    ["backoff.factor is NaN, expected a number of at least 1", { backoff: { factor: NaN } }],
    ["backoff.jitter is 1.1, expected a number of at least 0 and", { backoff: { jitter: 1.1 } }],
    ["backoff.jitter is -0.1, expected", { backoff: { jitter: -0.1 } }],
    ["backoff.min is -5 ms, expected at least 0", { backoff: { min: -5 } }],
    ["backoff.max is -5 ns, expected at least 0", { backoff: { max: -5n } }],
    ["backoff.resetAfter is NaN ms, expected at least 0", { backoff: { resetAfter: NaN } }]
  ])("an option that would switch it off is refused: %s", (message, options) => {
    expect(() => Supervision.restart(options)).toThrow(RangeError)
    expect(() => Supervision.restart(options)).toThrow(`Supervision.restart: ${message}`)
  })
})

it("stop always stops and resume always resumes", () => {
  expect(crashes(Supervision.stop, [0])).toEqual([{ _tag: "Stop", reason: "crashed" }])
  expect(crashes(Supervision.resume, [0, 0, 0])).toEqual([
    { _tag: "Resume" },
    { _tag: "Resume" },
    { _tag: "Resume" }
  ])
})

describe("by", () => {
  const crashOf = (defect: unknown) => ({
    cause: Cause.die(defect),
    now: 0,
    startedAt: 0,
    random: 0
  })

  it("the cause of each crash chooses what becomes of it", () => {
    const supervision = Supervision.by((cause) =>
      Cause.squash(cause) instanceof TypeError ? Supervision.stop : Supervision.resume
    )
    const directive = (defect: unknown) =>
      Supervision.onCrash(supervision, Supervision.untroubled, crashOf(defect))[1]
    expect(directive(new TypeError())).toEqual({ _tag: "Stop", reason: "crashed" })
    expect(directive("other")).toEqual({ _tag: "Resume" })
  })

  it("restarts chosen at different crashes share one history", () => {
    const supervision = Supervision.by(() => restart)
    const tags = crashes(supervision, [0, 100, 200]).map(({ _tag }) => _tag)
    expect(tags).toEqual(["Restart", "Restart", "Stop"])
  })

  it("a choice that throws stops the actor", () => {
    const supervision = Supervision.by(() => {
      throw new Error("cannot choose")
    })
    expect(Supervision.resolve(supervision, Cause.die("broken"))).toEqual(Supervision.stop)
    expect(crashes(supervision, [0])).toEqual([{ _tag: "Stop", reason: "crashed" }])
  })
})

it("escalate is the supervisor's matter, each time", () => {
  expect(crashes(Supervision.escalate, [0, 0])).toEqual([{ _tag: "Escalate" }, {
    _tag: "Escalate"
  }])
})
