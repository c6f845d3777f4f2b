import { describe, expect, it } from "@effect/vitest"
import { Mailbox } from "@plantd/actors"
import * as fc from "fast-check"

class Entry implements Mailbox.Entry<Entry> {
  previous: Entry | undefined = undefined
  next: Entry | undefined = undefined
  list: Mailbox.Lane<Entry> | undefined = undefined
  readonly name: number
  constructor(name: number) {
    this.name = name
  }
}

const filled = (overflow: Mailbox.Overflow, count: number, capacity = 2) => {
  const mailbox = new Mailbox.Mailbox<Entry>({ capacity, overflow })
  const entries = Array.from({ length: count }, (_, name) => new Entry(name))
  const offered = entries.map((entry) => mailbox.offer(entry))
  return { mailbox, entries, offered }
}

const names = (mailbox: Mailbox.Mailbox<Entry>) => mailbox.drain().map(({ name }) => name)

describe("a full mailbox", () => {
  it("with backpressure lets senders wait, and admits them in order as room is made", () => {
    const { mailbox, offered } = filled("backpressure", 4)
    expect(offered).toEqual(["queued", "queued", "waiting", "waiting"])
    expect(mailbox.size).toBe(2)
    expect(mailbox.admit()).toBeUndefined()
    expect(mailbox.take()?.name).toBe(0)
    expect(mailbox.admit()?.name).toBe(2)
    expect(mailbox.admit()).toBeUndefined()
    expect(names(mailbox)).toEqual([1, 2, 3])
  })

  it("with reject or drop-newest refuses the new message and keeps the old ones", () => {
    for (const overflow of ["reject", "drop-newest"] as const) {
      const { mailbox, offered } = filled(overflow, 3)
      expect(offered).toEqual(["queued", "queued", "refused"])
      expect(names(mailbox)).toEqual([0, 1])
    }
  })

  it("with drop-oldest hands back the oldest message in exchange for the new one", () => {
    const { entries, mailbox, offered } = filled("drop-oldest", 3)
    expect(offered[2]).toBe(entries[0])
    expect(names(mailbox)).toEqual([1, 2])
  })
})

it("an empty mailbox has no work and gives nothing", () => {
  const { mailbox } = filled("reject", 0)
  expect(mailbox.size + mailbox.waitingSize).toBe(0)
  expect(mailbox.take()).toBeUndefined()
  expect(mailbox.drain()).toEqual([])
})

type Step = { readonly op: "offer" | "take" | "remove"; readonly at: number }

it("is first in, first out and within its bound under any offers, takes and removals", () => {
  const step: fc.Arbitrary<Step> = fc.record({
    op: fc.constantFrom("offer", "offer", "take", "remove"),
    at: fc.nat(40)
  })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 1, max: 5 }),
      (steps, max) => {
        const mailbox = new Mailbox.Mailbox<Entry>({ capacity: max, overflow: "backpressure" })
        let model: Array<Entry> = []
        steps.forEach(({ at, op }, name) => {
          if (op === "offer") {
            const entry = new Entry(name)
            model.push(entry)
            mailbox.offer(entry)
          } else if (op === "take") {
            expect(mailbox.take()).toBe(model.shift())
          } else {
            const entry = model[at]
            entry?.list?.remove(entry)
            model = model.filter((other) => other !== entry)
          }
          while (mailbox.admit() !== undefined);
          expect(mailbox.size).toBe(Math.min(max, model.length))
        })
        expect(mailbox.drain()).toEqual(model)
      }
    )
  )
})
