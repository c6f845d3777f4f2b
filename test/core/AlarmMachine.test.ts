import { describe, expect, it } from "@effect/vitest"
import { Alarm, AlarmMachine } from "@plantd/core"
import { Schema } from "effect"
import { alarmed, definitionOf, type Options, Watched } from "./alarms.ts"

// Which state meets which input with what result is a table of its own: AlarmTransitions.test.ts.

describe("an alarm that needs no acknowledgement", () => {
  const alarm = () => alarmed({ needsAck: false })
  it.each<[string, (alarm: Watched) => Watched, string]>([
    ["is active and never waits", (a) => a.value(8), "active-acked minor/none 1"],
    ["has nothing to acknowledge", (a) => a.value(8).ack(), "active-acked minor/none 1"],
    ["rises without waiting", (a) => a.value(8).value(9), "active-acked major/none 1"],
    ["is normal when it cleared", (a) => a.value(9).value(1), "normal none/none 1"],
    ["occurs anew", (a) => a.value(9).value(1).value(8), "active-acked minor/none 2"]
  ])("%s", (_, run, shown) => {
    expect(run(alarm()).shown).toBe(shown)
  })
})

describe("delays", () => {
  const slow = () => alarmed({ onDelay: 100, offDelay: 50 })
  it.each<[string, (alarm: Watched) => Watched, string]>([
    [
      "a limit counts when it was passed for the onDelay",
      (a) => a.value(8).at(99).tick(),
      "normal none/none"
    ],
    ["and not before", (a) => a.value(8).at(100).tick(), "active-unacked minor/minor 1"],
    ["being back ends it", (a) => a.value(8).at(99).value(1).at(200).tick(), "normal none/none"],
    [
      "being past it anew begins it anew",
      (a) => a.value(8).at(99).value(1).value(8).at(198).tick(),
      "normal none/none"
    ],
    [
      "what was due before a value came counts, however late the timer",
      (a) => a.value(8).at(100).value(1),
      "active-unacked minor/minor 1"
    ],
    [
      "each limit has its own",
      (a) => a.value(8).at(60).value(9).at(100).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "so the graver one follows",
      (a) => a.value(8).at(60).value(9).at(160).tick(),
      "active-unacked major/major 1"
    ],
    [
      "passed at once, both count at once",
      (a) => a.value(9).at(100).tick(),
      "active-unacked major/major 1"
    ],
    [
      "a spike of the graver one does not count",
      (a) => a.value(8).at(60).value(9).at(70).value(8).at(500).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "it clears when the limit was not passed for the offDelay",
      (a) => a.value(8).at(100).tick().value(1).at(149).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "and not before",
      (a) => a.value(8).at(100).tick().value(1).at(150).tick(),
      "cleared-unacked none/minor 1"
    ],
    [
      "being past it again ends that",
      (a) => a.value(8).at(100).tick().value(1).at(140).value(8).at(900).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "the graver limit eases after the offDelay",
      (a) => a.value(9).at(100).tick().value(8).at(150).tick(),
      "active-unacked minor/major 1"
    ],
    [
      "all limits clear together where the value fell at once",
      (a) => a.value(9).at(100).tick().value(1).at(150).tick(),
      "cleared-unacked none/major 1"
    ],
    [
      "what is not known completes no onDelay",
      (a) => a.value(8).at(99).unknown().at(500).tick(),
      "normal none/none"
    ],
    [
      "nor an offDelay",
      (a) => a.value(8).at(100).tick().value(1).at(140).unknown().at(500).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "which begin anew when it is known again",
      (a) => a.value(8).at(99).unknown().at(200).value(8).at(299).tick(),
      "normal none/none"
    ],
    [
      "a doubtful value completes no offDelay",
      (a) => a.value(8).at(100).tick().value(1).at(140).doubtful(1).at(500).tick(),
      "active-unacked minor/minor 1"
    ],
    [
      "nor does an acknowledgement",
      (a) => a.value(8).at(100).tick().value(1).at(120).ack().at(149).tick(),
      "active-acked minor/none 1"
    ]
  ])("%s", (_, run, shown) => {
    expect(run(slow()).shown).toBe(shown)
  })

  it("dueAt names the next change, by the clock that never jumps", () => {
    const due = (alarm: Watched) => AlarmMachine.dueAt(alarm.definition, alarm.tracked)
    expect(due(slow())).toEqual({ now: Infinity, wall: Infinity })
    expect(due(slow().at(5).value(8))).toEqual({ now: 105, wall: Infinity })
    expect(due(slow().at(5).value(8).at(10).value(9)).now).toBe(105)
    expect(due(slow().at(5).value(8).at(10).value(9).at(105).tick()).now).toBe(110)
    expect(due(slow().value(8).at(100).tick().at(120).value(1)).now).toBe(170)
    expect(due(slow().value(8).unknown()).now).toBe(Infinity)
    expect(due(slow().shelve())).toEqual({ now: Infinity, wall: 1_000_500 })
  })

  it("hysteresis goes by the limits that were passed, before they count", () => {
    const alarm = () => alarmed({ onDelay: 100, hysteresis: 0.5 })
    expect(alarm().value(8).at(50).value(7.5).at(100).tick().shown).toContain("minor/minor")
    expect(alarm().value(8).at(50).value(7.4).at(100).tick().shown).toBe("normal none/none")
    // What was not seen is not remembered: 7.5 is not past 8 where nothing counts yet.
    expect(alarm().value(8).unknown().value(7.5).at(500).tick().shown).toBe("normal none/none")
  })
})

describe("an acknowledgement", () => {
  it("says who saw what, and when; a refused one says why", () => {
    const alarm = alarmed().value(8)
    expect(alarm.ack({ severity: "info" }).events).toEqual([
      { _tag: "Refused", reason: "severity-rose" }
    ])
    expect(alarm.ack({ occurrenceId: "flow.high#1.0" }).events).toEqual([
      { _tag: "Refused", reason: "other-occurrence" }
    ])
    alarm.at(7).ack()
    expect(alarm.instance.acknowledged).toEqual({ by: "ann", at: 1_000_007, severity: "minor" })
    expect(alarm.value(9).instance.acknowledged?.severity).toBe("minor")
    expect(alarm.value(1).value(8).instance).not.toHaveProperty("acknowledged")
  })
})

describe("shelving", () => {
  it("takes an alarm off the screens until its end by the wall clock, and no longer", () => {
    const alarm = alarmed().value(8).shelve()
    expect(Alarm.isAnnunciated(alarm.instance)).toBe(false)
    expect(alarm.instance.shelved).toEqual({
      by: "ann",
      at: 1_000_000,
      until: 1_000_500,
      reason: "being repaired"
    })
    expect(alarm.at(499).tick().events).toEqual([])
    expect(alarm.at(500).tick().events).toEqual([{ _tag: "Unshelved" }])
    expect(Alarm.isAnnunciated(alarm.instance)).toBe(true)
  })

  it("leaves the alarm to go its way", () => {
    const alarm = alarmed().shelve().value(8)
    expect(alarm.shown).toBe("active-unacked minor/minor 1")
    expect(alarm.value(1).ack().shown).toBe("normal none/none 1")
    expect(alarm.unshelve().events).toEqual([{ _tag: "Unshelved", by: "ann" }])
  })

  it("with an end that is past is over at once", () => {
    const alarm = alarmed().at(600).shelve()
    expect(alarm.told).toBe("Shelved Unshelved")
    expect(alarm.instance).not.toHaveProperty("shelved")
  })
})

describe("a restart", () => {
  const again = (alarm: Watched, options: Options = alarm.options) => {
    const text = JSON.stringify(Schema.encodeSync(Alarm.Instance)(alarm.instance))
    const stored = Schema.decodeUnknownSync(Alarm.Instance)(JSON.parse(text))
    const definition = definitionOf(options)
    return new Watched(options, AlarmMachine.restore(definition, stored, 2))
  }

  it("holds the alarm until a value comes, and goes on from there", () => {
    const alarm = again(alarmed().value(8).ack().shelve())
    expect(alarm.instance).toMatchObject({ state: "active-acked", stale: true })
    expect(alarm.instance.shelved?.until).toBe(1_000_500)
    expect(alarm.value(8).shown).toBe("active-acked minor/none 1")
    expect(alarm.instance.occurrenceId).toBe("flow.high#1.1")
    expect(alarm.value(1).value(8).instance.occurrenceId).toBe("flow.high#2.1")
  })

  it("keeps what hysteresis needs", () => {
    const options = { hysteresis: 0.5 }
    expect(again(alarmed(options).value(8)).value(7.6).shown).toBe("active-unacked minor/minor 1")
    expect(again(alarmed(options).value(9)).value(8.6).shown).toBe("active-unacked major/major 1")
  })

  it("begins delays anew", () => {
    const options = { onDelay: 100, offDelay: 50 }
    const pending = again(alarmed(options).value(8).at(99))
    expect(pending.at(500).tick().shown).toBe("normal none/none")
    expect(pending.value(8).at(600).tick().shown).toBe("active-unacked minor/minor 1")
  })

  it.each<[string, (alarm: Watched) => Watched, Options, Options, string]>([
    [
      "no longer to be acknowledged",
      (a) => a.value(8),
      {},
      { needsAck: false },
      "active-acked minor/none 1"
    ],
    ["and cleared", (a) => a.value(8).value(1), {}, { needsAck: false }, "normal none/none 1"],
    [
      "no longer latching",
      (a) => a.value(8).value(1),
      { latching: true },
      {},
      "cleared-unacked none/minor 1"
    ],
    [
      "latching, as before",
      (a) => a.value(8).value(1),
      { latching: true },
      { latching: true },
      "active-unacked none/minor 1"
    ],
    [
      "now latching",
      (a) => a.value(8).value(1),
      {},
      { latching: true },
      "cleared-unacked none/minor 1"
    ]
  ])("with another definition: %s", (_, run, before, after, shown) => {
    expect(again(run(alarmed(before)), after).shown).toBe(shown)
  })
})

describe("what is shown", () => {
  it("of an instance are its times, its limit and the value that changed it", () => {
    const alarm = alarmed().at(5).value(9.5)
    expect(alarm.instance).toEqual({
      alarm: "flow.high",
      state: "active-unacked",
      severity: "major",
      unacknowledged: "major",
      occurrenceId: "flow.high#1.1",
      limit: "highHigh",
      value: 9.5,
      stale: false,
      raisedAt: 1_000_005
    })
    expect(alarm.at(9).value(2).instance).toEqual({
      alarm: "flow.high",
      state: "cleared-unacked",
      unacknowledged: "major",
      occurrenceId: "flow.high#1.1",
      value: 2,
      stale: false,
      raisedAt: 1_000_005,
      clearedAt: 1_000_009
    })
  })
})
