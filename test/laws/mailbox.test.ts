import { expect, it } from "@effect/vitest"
import { Mailbox } from "@plantd/actors"
import * as fc from "fast-check"

class Letter implements Mailbox.Entry<Letter> {
  previous: Letter | undefined = undefined
  next: Letter | undefined = undefined
  list: Mailbox.Lane<Letter> | undefined = undefined
  readonly number: number
  constructor(number: number) {
    this.number = number
  }
}

const operation = fc.record({
  what: fc.constantFrom("offer", "offer", "offer", "take", "take", "admit", "remove", "drain"),
  which: fc.nat(30)
})
const settings = fc.record({
  capacity: fc.integer({ min: 1, max: 5 }),
  overflow: fc.constantFrom<Mailbox.Overflow>(
    "backpressure",
    "reject",
    "drop-oldest",
    "drop-newest"
  )
})

/** The same as two plain arrays. */
class Model {
  queue: Array<number> = []
  waiting: Array<number> = []
  readonly settings: Mailbox.Settings
  constructor(settings: Mailbox.Settings) {
    this.settings = settings
  }

  offer(number: number): string | number {
    const { capacity, overflow } = this.settings
    if (this.queue.length < capacity) {
      this.queue.push(number)
      return "queued"
    }
    if (overflow === "backpressure") {
      this.waiting.push(number)
      return "waiting"
    }
    if (overflow !== "drop-oldest") return "refused"
    this.queue.push(number)
    return this.queue.shift() ?? "none"
  }

  admit(): number | undefined {
    if (this.queue.length >= this.settings.capacity) return undefined
    const number = this.waiting.shift()
    if (number !== undefined) this.queue.push(number)
    return number
  }

  remove(number: number): void {
    this.queue = this.queue.filter((other) => other !== number)
    this.waiting = this.waiting.filter((other) => other !== number)
  }
}

it("a mailbox is two queues, of which the first never exceeds its capacity", () => {
  fc.assert(
    fc.property(settings, fc.array(operation, { maxLength: 80 }), (settings, operations) => {
      const mailbox = new Mailbox.Mailbox<Letter>(settings)
      const model = new Model(settings)
      const letters: Array<Letter> = []
      for (const { what, which } of operations) {
        if (what === "offer") {
          const letter = new Letter(letters.length)
          letters.push(letter)
          const offered = mailbox.offer(letter)
          const expected = model.offer(letter.number)
          expect(offered instanceof Letter ? offered.number : offered).toBe(expected)
        } else if (what === "take") {
          expect(mailbox.take()?.number).toBe(model.queue.shift())
        } else if (what === "admit") {
          expect(mailbox.admit()?.number).toBe(model.admit())
        } else if (what === "remove") {
          const letter = letters[which % Math.max(1, letters.length)]
          letter?.list?.remove(letter)
          if (letter !== undefined) model.remove(letter.number)
        } else {
          const all = [...model.queue, ...model.waiting]
          expect(mailbox.drain().map(({ number }) => number)).toEqual(all)
          model.queue = []
          model.waiting = []
        }
        expect(mailbox.size).toBe(model.queue.length)
        expect(mailbox.waitingSize).toBe(model.waiting.length)
        expect(mailbox.size).toBeLessThanOrEqual(settings.capacity)
      }
    })
  )
})
