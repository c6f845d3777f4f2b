/**
 * The bounded queue of messages before an actor. Plain code on the hot path: an intrusive doubly
 * linked list, so that offering, taking and removing cost the same however long it is.
 */

/**
 * What happens to a message when the mailbox is full.
 * - `backpressure`: its sender waits: an ask until its deadline, a tell until there is room.
 * - `reject`: its sender gets `MailboxFull`.
 * - `drop-oldest`: the oldest message becomes a dead letter; its asker gets `MailboxFull`.
 * - `drop-newest`: the new message becomes a dead letter; an asker gets `MailboxFull`, a tell does
 *   not notice.
 */
export type Overflow = "backpressure" | "reject" | "drop-oldest" | "drop-newest"

/** The bound of a mailbox, in messages, and what happens beyond it. */
export interface Settings {
  readonly capacity: number
  readonly overflow: Overflow
}

/** 1,024 messages, then backpressure. */
export const standard: Settings = { capacity: 1_024, overflow: "backpressure" }

/** What a message must have room for to stand in a mailbox; the mailbox alone writes it. */
export interface Entry<M extends Entry<M>> {
  previous: M | undefined
  next: M | undefined
  /** The list it stands in; `undefined` outside of every mailbox. */
  list: Lane<M> | undefined
}

/** A first-in, first-out list with removal from the middle. */
export class Lane<M extends Entry<M>> {
  size = 0
  private first: M | undefined = undefined
  private last: M | undefined = undefined

  /** Appends an entry that stands in no list. */
  push(entry: M): void {
    entry.list = this
    entry.previous = this.last
    entry.next = undefined
    if (this.last === undefined) this.first = entry
    else this.last.next = entry
    this.last = entry
    this.size++
  }

  /** Takes the first entry off, or gives `undefined`. */
  shift(): M | undefined {
    const entry = this.first
    if (entry !== undefined) this.remove(entry)
    return entry
  }

  /** Takes an entry of this list off, wherever it stands. */
  remove(entry: M): void {
    if (entry.previous === undefined) this.first = entry.next
    else entry.previous.next = entry.next
    if (entry.next === undefined) this.last = entry.previous
    else entry.next.previous = entry.previous
    entry.previous = undefined
    entry.next = undefined
    entry.list = undefined
    this.size--
  }
}

/**
 * What became of an offered message: it is queued, its sender waits for room, it was refused, or it
 * was queued in place of the returned oldest one.
 */
export type Offered<M> = "queued" | "waiting" | "refused" | M

/** A bounded queue, and behind it the messages whose senders wait for room. */
export class Mailbox<M extends Entry<M>> {
  private readonly queue = new Lane<M>()
  private waiting: Lane<M> | undefined = undefined
  readonly settings: Settings

  constructor(settings: Settings) {
    this.settings = settings
  }

  /** Messages in the queue; never more than the capacity. Waiting ones are not counted. */
  get size(): number {
    return this.queue.size
  }

  /** Messages whose senders wait for room. */
  get waitingSize(): number {
    return this.waiting === undefined ? 0 : this.waiting.size
  }

  /** Offers a message; see `Offered`. In order with every earlier offer. */
  offer(message: M): Offered<M> {
    if (this.queue.size < this.settings.capacity) {
      this.queue.push(message)
      return "queued"
    }
    switch (this.settings.overflow) {
      case "backpressure": {
        this.waiting ??= new Lane<M>()
        this.waiting.push(message)
        return "waiting"
      }
      case "drop-oldest": {
        const oldest = this.queue.shift()
        this.queue.push(message)
        return oldest ?? "queued"
      }
      case "reject":
      case "drop-newest":
        return "refused"
    }
  }

  /** Takes the oldest message, or gives `undefined`. Room is made: see `admit`. */
  take(): M | undefined {
    return this.queue.shift()
  }

  /** Moves the longest waiting message into the queue where there is room, and returns it. */
  admit(): M | undefined {
    const { waiting } = this
    if (waiting === undefined || this.queue.size >= this.settings.capacity) return undefined
    const message = waiting.shift()
    if (message === undefined) this.waiting = undefined
    else this.queue.push(message)
    return message
  }

  /** Takes everything, queued first and then waiting, in order; the mailbox is empty after. */
  drain(): Array<M> {
    const all: Array<M> = []
    for (const lane of [this.queue, this.waiting]) {
      for (let m = lane?.shift(); m !== undefined; m = lane?.shift()) all.push(m)
    }
    this.waiting = undefined
    return all
  }
}
