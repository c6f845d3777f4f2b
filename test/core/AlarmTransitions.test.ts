import { describe, expect, it } from "@effect/vitest"
import { alarmed, type Options, type Watched } from "./alarms.ts"

type Start = keyof typeof starts

/** How each state is come to: by values (a limit is passed at 8 and at 9) and acknowledgements. */
const starts = {
  normal: (alarm: Watched) => alarm.value(1),
  raised: (alarm: Watched) => alarm.value(8),
  graver: (alarm: Watched) => alarm.value(8).value(9),
  eased: (alarm: Watched) => alarm.value(9).value(8),
  acked: (alarm: Watched) => alarm.value(8).ack(),
  "acked-graver": (alarm: Watched) => alarm.value(9).ack(),
  "acked-eased": (alarm: Watched) => alarm.value(9).ack().value(8),
  /** Cleared where nothing holds it; latched where the definition says so. */
  gone: (alarm: Watched) => alarm.value(8).value(1),
  /** Raised again though the former occurrence, a graver one, waits to be acknowledged. */
  again: (alarm: Watched) => alarm.value(9).value(1).value(8),
  held: (alarm: Watched) => alarm.value(8).unknown()
}

/** What is then done to it. */
const inputs = {
  ok: (alarm: Watched) => alarm.value(1),
  high: (alarm: Watched) => alarm.value(8),
  highHigh: (alarm: Watched) => alarm.value(9),
  "doubtful ok": (alarm: Watched) => alarm.doubtful(1),
  "doubtful high": (alarm: Watched) => alarm.doubtful(8),
  "doubtful highHigh": (alarm: Watched) => alarm.doubtful(9),
  anew: (alarm: Watched) => alarm.anew(8),
  unknown: (alarm: Watched) => alarm.unknown(),
  ack: (alarm: Watched) => alarm.ack(),
  "ack of less": (alarm: Watched) => alarm.ack({ severity: "info" }),
  "ack of more": (alarm: Watched) => alarm.ack({ severity: "critical" }),
  "ack of another": (alarm: Watched) => alarm.ack({ occurrenceId: "flow.high#1.99" }),
  shelve: (alarm: Watched) => alarm.shelve(),
  unshelve: (alarm: Watched) => alarm.unshelve(),
  tick: (alarm: Watched) => alarm.tick()
}

type Row = Readonly<Record<keyof typeof inputs, string>>

// In the tables: state, severity of the condition/severity that waits, occurrence, and the events.
// Where a cell begins with a dash nothing changed in these but what the events say.
const plain: Readonly<Record<Start, Row>> = {
  normal: {
    ok: "-",
    high: "active-unacked minor/minor 1: Raised",
    highHigh: "active-unacked major/major 1: Raised",
    "doubtful ok": "- Held",
    "doubtful high": "active-unacked minor/minor 1: Raised",
    "doubtful highHigh": "active-unacked major/major 1: Raised",
    anew: "active-unacked minor/minor 1: Raised",
    unknown: "- Held",
    ack: "- Refused",
    "ack of less": "- Refused",
    "ack of more": "- Refused",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  raised: {
    ok: "cleared-unacked none/minor 1: Cleared",
    high: "-",
    highHigh: "active-unacked major/major 1: Escalated",
    "doubtful ok": "- Held",
    "doubtful high": "-",
    "doubtful highHigh": "active-unacked major/major 1: Escalated",
    anew: "active-unacked minor/minor 2: Raised",
    unknown: "- Held",
    ack: "active-acked minor/none 1: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "active-acked minor/none 1: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  graver: {
    ok: "cleared-unacked none/major 1: Cleared",
    high: "active-unacked minor/major 1: Eased",
    highHigh: "-",
    "doubtful ok": "- Held",
    "doubtful high": "- Held",
    "doubtful highHigh": "-",
    anew: "active-unacked minor/major 2: Eased Raised",
    unknown: "- Held",
    ack: "active-acked major/none 1: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "active-acked major/none 1: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  eased: {
    ok: "cleared-unacked none/major 1: Cleared",
    high: "-",
    highHigh: "active-unacked major/major 1: Escalated",
    "doubtful ok": "- Held",
    "doubtful high": "-",
    "doubtful highHigh": "active-unacked major/major 1: Escalated",
    anew: "active-unacked minor/major 2: Raised",
    unknown: "- Held",
    ack: "active-acked minor/none 1: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "active-acked minor/none 1: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  acked: {
    ok: "normal none/none 1: Cleared",
    high: "-",
    highHigh: "active-unacked major/major 1: Escalated",
    "doubtful ok": "- Held",
    "doubtful high": "-",
    "doubtful highHigh": "active-unacked major/major 1: Escalated",
    anew: "active-unacked minor/minor 2: Raised",
    unknown: "- Held",
    ack: "-",
    "ack of less": "-",
    "ack of more": "-",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  "acked-graver": {
    ok: "normal none/none 1: Cleared",
    high: "active-acked minor/none 1: Eased",
    highHigh: "-",
    "doubtful ok": "- Held",
    "doubtful high": "- Held",
    "doubtful highHigh": "-",
    anew: "active-unacked minor/minor 2: Eased Raised",
    unknown: "- Held",
    ack: "-",
    "ack of less": "-",
    "ack of more": "-",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  "acked-eased": {
    ok: "normal none/none 1: Cleared",
    high: "-",
    highHigh: "active-unacked major/major 1: Escalated",
    "doubtful ok": "- Held",
    "doubtful high": "-",
    "doubtful highHigh": "active-unacked major/major 1: Escalated",
    anew: "active-unacked minor/minor 2: Raised",
    unknown: "- Held",
    ack: "-",
    "ack of less": "-",
    "ack of more": "-",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  gone: {
    ok: "-",
    high: "active-unacked minor/minor 2: Raised",
    highHigh: "active-unacked major/major 2: Raised",
    "doubtful ok": "- Held",
    "doubtful high": "active-unacked minor/minor 2: Raised",
    "doubtful highHigh": "active-unacked major/major 2: Raised",
    anew: "active-unacked minor/minor 2: Raised",
    unknown: "- Held",
    ack: "normal none/none 1: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "normal none/none 1: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  again: {
    ok: "cleared-unacked none/major 2: Cleared",
    high: "-",
    highHigh: "active-unacked major/major 2: Escalated",
    "doubtful ok": "- Held",
    "doubtful high": "-",
    "doubtful highHigh": "active-unacked major/major 2: Escalated",
    anew: "active-unacked minor/major 3: Raised",
    unknown: "- Held",
    ack: "active-acked minor/none 2: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "active-acked minor/none 2: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  },
  held: {
    ok: "cleared-unacked none/minor 1: Known Cleared",
    high: "- Known",
    highHigh: "active-unacked major/major 1: Known Escalated",
    "doubtful ok": "-",
    "doubtful high": "- Known",
    "doubtful highHigh": "active-unacked major/major 1: Known Escalated",
    anew: "active-unacked minor/minor 2: Known Raised",
    unknown: "-",
    ack: "active-acked minor/none 1: Acknowledged",
    "ack of less": "- Refused",
    "ack of more": "active-acked minor/none 1: Acknowledged",
    "ack of another": "- Refused",
    shelve: "- Shelved",
    unshelve: "-",
    tick: "-"
  }
}

type Changes = { readonly [S in Start]?: Partial<Row> }

/** Where the options make a difference to the table above. */
const differing: ReadonlyArray<readonly [string, Options, Changes]> = [
  ["no options", {}, {}],
  ["ackTransient: false", { ackTransient: false }, {
    raised: { ok: "normal none/none 1: Cleared" },
    graver: { ok: "normal none/none 1: Cleared" },
    eased: { ok: "normal none/none 1: Cleared" },
    held: { ok: "normal none/none 1: Known Cleared" },
    // It is over: there is nothing left to acknowledge.
    gone: { ack: "-", "ack of less": "-", "ack of more": "-" },
    again: {
      ok: "normal none/none 2: Cleared",
      anew: "active-unacked minor/minor 3: Raised"
    }
  }],
  ["latching", { latching: true }, {
    raised: { ok: "active-unacked none/minor 1: Latched" },
    graver: { ok: "active-unacked none/major 1: Latched" },
    eased: { ok: "active-unacked none/major 1: Latched" },
    held: { ok: "active-unacked none/minor 1: Known Latched" },
    gone: {
      high: "active-unacked minor/minor 1: Returned",
      highHigh: "active-unacked major/major 1: Returned",
      "doubtful high": "active-unacked minor/minor 1: Returned",
      "doubtful highHigh": "active-unacked major/major 1: Returned",
      // Within a latch the alarm never ceased to be active: it is the same occurrence.
      anew: "active-unacked minor/minor 1: Returned",
      ack: "normal none/none 1: Acknowledged Cleared",
      "ack of more": "normal none/none 1: Acknowledged Cleared"
    },
    again: {
      ok: "active-unacked none/major 1: Latched",
      highHigh: "active-unacked major/major 1: Escalated",
      "doubtful highHigh": "active-unacked major/major 1: Escalated",
      anew: "active-unacked minor/major 2: Raised",
      ack: "active-acked minor/none 1: Acknowledged",
      "ack of more": "active-acked minor/none 1: Acknowledged"
    }
  }]
]

const rows = differing.flatMap(([name, options, changes]) =>
  (Object.keys(starts) as Array<Start>).flatMap((start) =>
    (Object.keys(inputs) as Array<keyof typeof inputs>).map((input) =>
      [name, start, input, options, changes[start]?.[input] ?? plain[start][input]] as const
    )
  )
)

const unchanged = (alarm: Watched, expected: string) => {
  const events = expected.slice(1).trim()
  return events === "" ? alarm.shown : `${alarm.shown}: ${events}`
}

describe("each state meets each input", () => {
  it.each(rows)("%s: %s, then %s", (_, start, input, options, expected) => {
    const alarm = starts[start](alarmed(options))
    const wanted = expected.startsWith("-") ? unchanged(alarm, expected) : expected
    inputs[input](alarm)
    expect(alarm.events.length === 0 ? alarm.shown : `${alarm.shown}: ${alarm.told}`).toBe(wanted)
  })

  it("an input that changes nothing gives back the same value", () => {
    for (const [, start, input, options, expected] of rows) {
      const alarm = starts[start](alarmed(options))
      const before = alarm.tracked
      inputs[input](alarm)
      if (expected === "-" || expected === "- Refused") expect(alarm.tracked).toBe(before)
    }
  })
})
