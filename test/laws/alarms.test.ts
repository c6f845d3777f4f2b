import { describe, expect, it } from "@effect/vitest"
import { Alarm, AlarmMachine } from "@plantd/core"
import { Schema } from "effect"
import * as fc from "fast-check"

/** What happens next; `wait` milliseconds after the thing before it. */
type Happening =
  & { readonly wait: number }
  & (
    | { readonly what: "value"; readonly value: number; readonly good: boolean }
    /** Acknowledges what was seen some happenings ago. */
    | { readonly what: "ack"; readonly ago: number }
    | { readonly what: "shelve"; readonly millis: number }
    | { readonly what: "unknown" | "anew" | "unshelve" | "tick" | "restart" }
  )

interface Plan {
  readonly definition: AlarmMachine.Definition
  readonly happenings: ReadonlyArray<Happening>
}

const levels = [
  { limit: "high", severity: "minor", at: 8 },
  { limit: "highHigh", severity: "major", at: 9 }
] as const

const definition: fc.Arbitrary<AlarmMachine.Definition> = fc.record({
  id: fc.constant("flow.high"),
  onDelay: fc.constantFrom(0, 0, 10, 25),
  offDelay: fc.constantFrom(0, 0, 10, 25),
  latching: fc.boolean(),
  needsAck: fc.constantFrom(true, true, true, false),
  ackTransient: fc.boolean(),
  condition: fc.record({
    _tag: fc.constant("High" as const),
    levels: fc.constantFrom(levels, levels.slice(0, 1)),
    hysteresis: fc.constantFrom(0, 0.5),
    unit: fc.constant("L/s")
  })
})

const happening: fc.Arbitrary<Happening> = fc.tuple(
  fc.constantFrom(0, 1, 5, 10, 30),
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constant("value" as const),
        value: fc.constantFrom(1, 7.4, 7.6, 8, 8.6, 9),
        good: fc.constantFrom(true, true, true, false)
      })
    },
    { weight: 2, arbitrary: fc.record({ what: fc.constant("ack" as const), ago: fc.nat(3) }) },
    {
      weight: 1,
      arbitrary: fc.record({ what: fc.constant("shelve" as const), millis: fc.nat(40) })
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constantFrom("unknown", "anew", "unshelve", "tick", "restart")
      })
    }
  )
).map(([wait, rest]) => ({ wait, ...rest } as Happening))

const plan: fc.Arbitrary<Plan> = fc.record({
  definition,
  happenings: fc.array(happening, { maxLength: 40 })
})

/** One step that was made. */
interface Step {
  readonly before: Alarm.Instance
  readonly after: Alarm.Instance
  readonly events: ReadonlyArray<AlarmMachine.Event>
  readonly happening: Happening
  readonly input: AlarmMachine.Input | undefined
  readonly now: number
}

const inputOf = (
  happening: Happening,
  seen: ReadonlyArray<Alarm.Instance>,
  wall: number
): AlarmMachine.Input | undefined => {
  switch (happening.what) {
    case "value":
      return { _tag: "Value", value: happening.value, good: happening.good }
    case "anew":
      return { _tag: "Anew", value: 9 }
    case "unknown":
      return { _tag: "Unknown" }
    case "ack": {
      const screen = seen.at(-1 - happening.ago)
      return {
        _tag: "Acknowledge",
        occurrenceId: screen?.occurrenceId ?? "none",
        severity: screen?.unacknowledged ?? "info",
        by: "ann"
      }
    }
    case "shelve":
      return { _tag: "Shelve", until: wall + happening.millis, by: "ann" }
    case "unshelve":
      return { _tag: "Unshelve", by: "ann" }
    case "tick":
      return { _tag: "Tick" }
    case "restart":
      return undefined
  }
}

const ticked = ({ definition }: Plan, alarm: AlarmMachine.Tracked, at: number) =>
  AlarmMachine.step(definition, alarm, { _tag: "Tick" }, { now: at, wall: at })

const json = (instance: Alarm.Instance): Alarm.Instance =>
  Schema.decodeUnknownSync(Alarm.Instance)(JSON.parse(JSON.stringify(instance)))

/** Plays a plan; `keep` says what of it happens. */
const play = (
  { definition, happenings }: Plan,
  keep: (happening: Happening) => boolean = () => true
): ReadonlyArray<Step> => {
  let fence = 1
  let now = 0
  let alarm = AlarmMachine.initial(definition, fence)
  const steps: Array<Step> = []
  const seen: Array<Alarm.Instance> = [alarm.instance]
  for (const happening of happenings) {
    now += happening.wait
    if (!keep(happening)) continue
    const before = alarm.instance
    const input = inputOf(happening, seen, now)
    const [next, events] = input === undefined
      ? [AlarmMachine.restore(definition, json(before), ++fence), []]
      : AlarmMachine.step(definition, alarm, input, { now, wall: now })
    alarm = next
    seen.push(next.instance)
    steps.push({ before, after: next.instance, events, happening, input, now })
  }
  return steps
}

const holds = (law: (steps: ReadonlyArray<Step>, plan: Plan) => void) =>
  fc.assert(fc.property(plan, (given) => law(play(given), given)), { numRuns: 2_000 })

describe("an alarm", () => {
  it("is never normal while its limit is passed, by good values alone, past the onDelay", () => {
    holds((steps, { definition }) => {
      let since = Infinity
      for (const { after, happening, now } of steps) {
        const past = happening.what === "anew"
          || (happening.what === "value" && happening.good && happening.value >= 8)
        if (past) since = Math.min(since, now)
        else if (["value", "unknown", "restart"].includes(happening.what)) since = Infinity
        if (now - since >= definition.onDelay) {
          expect(after.state).toMatch(/^active/)
          expect(after.severity).toBeDefined()
        }
      }
    })
  })

  it("ceases to be active only after it was not past its limit for the offDelay", () => {
    holds((steps, { definition }) => {
      let back = -Infinity
      for (const { after, before, happening, now } of steps) {
        if (before.severity !== undefined && after.severity === undefined) {
          expect(now - back).toBeGreaterThanOrEqual(definition.offDelay)
        }
        const past = happening.what === "anew"
          || (happening.what === "value" && happening.value >= 8)
        // Where nobody knew, it may have been past it; hysteresis may hold 7.6, and never 7.4.
        if (past || ["restart", "unknown"].includes(happening.what)) back = now
      }
    })
  })

  it("is held, whatever time passes, while nothing says how its condition is", () => {
    holds((steps) => {
      for (const { after, before, happening } of steps) {
        if (!before.stale || happening.what === "value" || happening.what === "anew") continue
        expect(after.severity).toBe(before.severity)
        expect(after.occurrenceId).toBe(before.occurrenceId)
        expect(after.stale).toBe(true)
      }
    })
  })

  it("has occurrences whose ids are new, also after restarts", () => {
    holds((steps) => {
      const ids = new Set<string>()
      let last: string | undefined
      for (const { after, events } of steps) {
        const raised = events.some((event) => event._tag === "Raised")
        expect(after.occurrenceId !== last).toBe(raised)
        if (after.occurrenceId === last || after.occurrenceId === undefined) continue
        expect(ids).not.toContain(after.occurrenceId)
        ids.add(after.occurrenceId)
        last = after.occurrenceId
      }
    })
  })

  it("is active where its condition is present or a latch holds it", () => {
    holds((steps, { definition }) => {
      for (const { after } of steps) {
        const waits = after.unacknowledged !== undefined
        expect(waits).toBe(Alarm.needsAcknowledgement(after.state))
        expect(after.limit !== undefined).toBe(after.severity !== undefined)
        if (after.severity !== undefined) expect(Alarm.isActive(after.state)).toBe(true)
        else if (Alarm.isActive(after.state)) expect(definition.latching && waits).toBe(true)
        if (!definition.needsAck) expect(waits).toBe(false)
      }
    })
  })
})

describe("an acknowledgement", () => {
  it("touches no other occurrence than the one it saw, and no higher severity", () => {
    holds((steps) => {
      for (const { after, before, events, input } of steps) {
        if (input?._tag !== "Acknowledge") continue
        const acknowledged = events.some((event) => event._tag === "Acknowledged")
        if (!acknowledged) continue
        expect(after.occurrenceId).toBe(input.occurrenceId)
        const due = events.some((event) => ["Raised", "Escalated"].includes(event._tag))
        const saw = due ? after.acknowledged?.severity : before.unacknowledged
        expect(Alarm.compareSeverity(input.severity, saw ?? "critical")).toBeGreaterThanOrEqual(0)
      }
    })
  })

  it("alone, or the end of an alarm that then needs none, takes away what waits for it", () => {
    holds((steps, { definition }) => {
      for (const { after, before, events, input } of steps) {
        if (before.unacknowledged === undefined || after.unacknowledged !== undefined) continue
        const cleared = events.some((event) => event._tag === "Cleared")
        expect(input?._tag === "Acknowledge" || (cleared && !definition.ackTransient)).toBe(true)
      }
    })
  })

  it("never sees the severity that waits for it fall within an occurrence", () => {
    holds((steps) => {
      for (const { after, before } of steps) {
        if (before.occurrenceId !== after.occurrenceId) continue
        if (before.unacknowledged === undefined || after.unacknowledged === undefined) continue
        const change = Alarm.compareSeverity(after.unacknowledged, before.unacknowledged)
        expect(change).toBeGreaterThanOrEqual(0)
      }
    })
  })
})

describe("shelving", () => {
  const shelving = (happening: Happening) =>
    happening.what === "shelve" || happening.what === "unshelve"

  it("never changes the state behind it", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const bare = (steps: ReadonlyArray<Step>) =>
          steps.filter(({ happening }) => !shelving(happening)).map(({ after, happening, now }) => {
            const { shelved: _, ...rest } = after
            return { rest, happening, now }
          })
        // A tick in its place: what was due is done then, with or without the shelving.
        const ticks = {
          ...given,
          happenings: given.happenings.map((happening): Happening =>
            shelving(happening) ? { wait: happening.wait, what: "tick" } : happening
          )
        }
        const plain = play(ticks).filter((_, i) => !shelving(given.happenings[i] as Happening))
        // Acknowledgements see what was on the screen then, so both runs have as many steps.
        expect(bare(play(given))).toEqual(bare(plain))
      }),
      { numRuns: 2_000 }
    )
  })

  it("is over at its end, and hides nothing from then on", () => {
    holds((steps) => {
      for (const { after, happening, now } of steps) {
        if (happening.what === "restart") continue
        if (after.shelved !== undefined) expect(now).toBeLessThan(after.shelved.until)
      }
    })
  })
})

describe("time", () => {
  it("each change that time brings is due when dueAt says, and none is before", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const { definition } = given
        let alarm = AlarmMachine.initial(definition, 1)
        let now = 0
        for (const happening of given.happenings) {
          const due = AlarmMachine.dueAt(definition, alarm)
          const next = Math.min(due.now, due.wall)
          const until = now + happening.wait
          if (next > now) expect(ticked(given, alarm, Math.min(next - 0.5, until))[0]).toBe(alarm)
          if (Number.isFinite(next)) expect(ticked(given, alarm, next)[1].length).toBeGreaterThan(0)
          now = until
          const input = inputOf(happening, [alarm.instance], now)
          if (input === undefined) continue
          ;[alarm] = AlarmMachine.step(definition, alarm, input, { now, wall: now })
        }
      }),
      { numRuns: 2_000 }
    )
  })
})
