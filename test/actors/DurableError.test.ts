import { describe, expect, it } from "@effect/vitest"
import * as DurableError from "@plantd/actors/DurableError"
import { Fence } from "@plantd/core"

const address = { type: "Valve", id: "v1" }

describe("DurableError", () => {
  it("each error says what happened, where, and what to do", () => {
    const of = { address, name: "state" }
    const fence = (value: number) => Fence.Fence.make(value)
    const unavailable = (outcome: DurableError.Outcome) =>
      new DurableError.StoreUnavailable({ reason: "full", outcome, detail: "SQLITE_FULL" })
    expect([
      unavailable("not-written"),
      unavailable("unknown"),
      new DurableError.Superseded({ ...of, ours: fence(1), stored: fence(2) }),
      new DurableError.RevisionConflict({ ...of, expected: 1, stored: 2 }),
      new DurableError.CorruptRow({ ...of, table: "t", reason: "torn" }),
      new DurableError.CorruptRow({ ...of, table: "t", sequence: 3, reason: "torn" }),
      new DurableError.ValueTooLarge({ ...of, bytes: 11, bytesMax: 10 }),
      new DurableError.TooManyEvents({ ...of, events: 11, eventsMax: 10 }),
      new DurableError.ValueNotEncodable({ ...of, reason: "it is NaN" }),
      new DurableError.SchemaTooNew({ table: "t", known: 1, stored: 2 })
    ].map(({ message }) => message)).toEqual([
      "the durable store is unavailable (full: SQLITE_FULL); nothing was written;"
      + " make room on its disk; nothing has to be restarted after",
      "the durable store is unavailable (full: SQLITE_FULL); whether it was written is unknown;"
      + " make room on its disk; nothing has to be restarted after",
      'Valve/v1 lost its "state" to a newer owner: its fence is 1, stored is 2;'
      + " this actor stops, send again",
      '"state" of Valve/v1 is at revision 2, expected 1; read it again, then decide anew',
      'the row of t for type "Valve", id "v1", name "state" is corrupt: torn;'
      + " repair or restore it, then revive the actor",
      'the row of t for type "Valve", id "v1", name "state", sequence 3'
      + " is corrupt: torn; repair or restore it, then revive the actor",
      'a write to "state" of Valve/v1 has 11 bytes of JSON, more than valueBytesMax (10);'
      + " write less at a time",
      '11 events for "state" of Valve/v1 at a time are more than persistMax (10);'
      + " store them in several steps",
      'a write to "state" of Valve/v1 was refused: it is NaN',
      "the database is at migration 2 by its table t, and this plantd knows them up to 1;"
      + " run the newer plantd, or restore a backup from before it"
    ])
  })
})
