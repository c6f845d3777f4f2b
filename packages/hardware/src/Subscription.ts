/**
 * What a subscriber of a device is told: readings that are worth telling, in order, and in mode
 * `all` a mark wherever some are missing. Plain code with a bounded buffer.
 */
import { Epoch, type Reading } from "@plantd/core"
import { Chunk, Effect, Schema } from "effect"
import { isDue, type Rule, type Told } from "./Emission.ts"

/** Readings are missing here: they were lost on the way, or this subscriber was too slow. */
export const Gap = Schema.Struct({
  _tag: Schema.tag("Gap"),
  /** At least this many; 0 where only that some may be missing is known. */
  missing: Schema.NonNegativeInt,
  cause: Schema.Literal("link", "subscriber"),
  /** The place at which readings go on, among all readings of the device. */
  epoch: Epoch.Epoch,
  seq: Schema.NonNegativeInt
})
/** Readings are missing here: they were lost on the way, or this subscriber was too slow. */
export type Gap = typeof Gap.Type

/** True for a `Gap`, false for a reading. */
export const isGap = (item: object): item is Gap => "_tag" in item && item._tag === "Gap"

/**
 * - `latest`: of each attribute the newest reading alone waits for a slow subscriber.
 * - `all`: every reading beyond the deadband, in order; where more than `capacity` wait, the oldest
 *   are dropped, and a `Gap` stands in their place.
 */
export const Mode = Schema.Literal("latest", "all")
/** Whether a slow subscriber gets the newest readings, or all with marks where some are missing. */
export type Mode = typeof Mode.Type

/** How many readings wait for a slow subscriber in mode `all` where nothing is said. */
export const capacityDefault = 1_024

/** The most readings that may be asked to wait for a slow subscriber. */
export const capacityMax = 65_536

/** One subscriber of one device. */
export class Subscription {
  private readonly told = new Map<number, Told>()
  private readonly rules: ReadonlyMap<number, Rule>
  private readonly mode: Mode
  private readonly capacity: number
  /** In mode `latest`, by attribute. */
  private latest = new Map<number, Reading.Reading>()
  /** In mode `all`; those before `head` are taken or dropped. */
  private items: Array<Reading.Reading | Gap> = []
  private head = 0
  private dropped = 0
  private waiter: (() => void) | undefined

  /** Takes the attributes with these rules, by index. */
  constructor(
    rules: ReadonlyMap<number, Rule>,
    options: { readonly mode: Mode; readonly capacity: number }
  ) {
    this.rules = rules
    this.mode = options.mode
    this.capacity = options.capacity
  }

  /**
   * Offers a reading of the attribute with this index; kept where it is worth telling. `now` is in
   * milliseconds of a clock that never jumps.
   */
  offer(index: number, reading: Reading.Reading, now: number): void {
    const rule = this.rules.get(index)
    if (rule === undefined || !isDue(rule, this.told.get(index), reading, now)) return
    this.keep(index, reading, now)
  }

  /** As `offer`, and kept in any case, unless this very reading was told already. */
  tell(index: number, reading: Reading.Reading, now: number): void {
    if (!this.rules.has(index) || this.told.get(index)?.reading === reading) return
    this.keep(index, reading, now)
  }

  private keep(index: number, reading: Reading.Reading, now: number): void {
    this.told.set(index, { reading, at: now })
    if (this.mode === "all") {
      this.push(reading)
    } else {
      // Taken out first, so that attributes come in the order of their last change.
      this.latest.delete(index)
      this.latest.set(index, reading)
    }
    this.awake()
  }

  /** Marks that readings are missing; nothing to those who want the latest alone. */
  gap(gap: Gap): void {
    if (this.mode === "latest") return
    this.push(gap)
    this.awake()
  }

  /** Whether it wants readings that were asked for, beside those that are published. */
  get wantsReplies(): boolean {
    return this.mode === "latest"
  }

  /** Waits until there is something to tell, and takes all of it. One caller at a time. */
  readonly take: Effect.Effect<Chunk.Chunk<Reading.Reading | Gap>> = Effect.async((resume) => {
    const give = () => resume(Effect.succeed(Chunk.unsafeFromArray(this.drain())))
    if (this.isEmpty()) this.waiter = give
    else give()
    return Effect.sync(() => {
      this.waiter = undefined
    })
  })

  private isEmpty(): boolean {
    return this.latest.size === 0 && this.items.length === this.head
  }

  private awake(): void {
    const waiter = this.waiter
    this.waiter = undefined
    waiter?.()
  }

  private push(item: Reading.Reading | Gap): void {
    this.items.push(item)
    while (this.items.length - this.head > this.capacity) {
      const oldest = this.items[this.head++]
      if (oldest !== undefined) this.dropped += isGap(oldest) ? oldest.missing : 1
    }
    if (this.head <= this.capacity) return
    this.items = this.items.slice(this.head)
    this.head = 0
  }

  private drain(): Array<Reading.Reading | Gap> {
    if (this.mode === "latest") {
      const readings = [...this.latest.values()]
      this.latest = new Map()
      return readings
    }
    const items = this.items.slice(this.head)
    const [next] = items
    if (this.dropped > 0 && next !== undefined) {
      const { epoch, seq } = next
      items.unshift({ _tag: "Gap", missing: this.dropped, cause: "subscriber", epoch, seq })
    }
    this.items = []
    this.head = 0
    this.dropped = 0
    return items
  }
}
