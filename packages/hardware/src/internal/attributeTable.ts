/**
 * What a device actor knows of its attributes: the newest reading of each, judged against the
 * declaration, and told to the subscribers. Plain code: it runs for every reading.
 */
import { type Identifier, Quality, Reading } from "@plantd/core"
import { assess, type Attribute, maxAgeMillis, reasonOf, unitOf } from "../Attribute.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import type { Batch, Sample } from "../DeviceProtocol.ts"
import { type Rule, ruleOf } from "../Emission.ts"
import type { Subscription } from "../Subscription.ts"

/** When readings came: by the wall clock, and by the clock that never jumps; milliseconds. */
export interface Arrival {
  readonly wall: number
  readonly now: number
}

/** Where faults in readings are told. */
export interface Faults {
  /** A reading that is not what the declaration says: it is kept as `bad`. */
  readonly onInvalid: (attribute: string, reason: string) => void
  /** A reading of an attribute that the device does not have: it is dropped. */
  readonly onUnknown: (index: number) => void
}

interface Cell {
  readonly index: number
  readonly name: string
  readonly attribute: Attribute
  readonly unit: string
  readonly maxAge: number
  reading: Reading.Reading
  /** When it was measured as far as is known, by the clock that never jumps; none at first. */
  measuredAt: number | undefined
}

/** The attributes of one device. */
export class AttributeTable {
  private readonly cells: ReadonlyArray<Cell>
  private readonly byName: ReadonlyMap<string, Cell>
  private readonly device: Identifier.DeviceId
  private readonly faults: Faults
  private readonly onDue: (at: number) => void
  private readonly onReading: (reading: Reading.Reading) => boolean
  readonly subscriptions = new Set<Subscription>()

  constructor(
    device: Identifier.DeviceId,
    definition: DeviceDefinition,
    options: {
      readonly wall: number
      readonly faults: Faults
      /** Told of each reading that is kept when it grows stale, by the clock that never jumps. */
      readonly onDue: (at: number) => void
      /**
       * Told of each reading that is the newest of its attribute, and of what becomes stale; true
       * where it is to be told to subscribers in any case.
       */
      readonly onReading: (reading: Reading.Reading) => boolean
    }
  ) {
    this.device = device
    this.faults = options.faults
    this.onDue = options.onDue
    this.onReading = options.onReading
    this.cells = definition.order.map((name, index) => {
      const attribute = definition.attributes[name] as Attribute
      const unit = unitOf(attribute)
      const reading = Reading.neverRead({
        device,
        attribute: name,
        unit,
        serverTime: options.wall
      })
      const maxAge = maxAgeMillis(attribute)
      return { index, name, attribute, unit, maxAge, reading, measuredAt: undefined }
    })
    this.byName = new Map(this.cells.map((cell) => [cell.name, cell]))
  }

  /** The newest reading of an attribute. */
  get(name: string): Reading.Reading | undefined {
    return this.byName.get(name)?.reading
  }

  /** The newest readings of all attributes. */
  get all(): ReadonlyArray<Reading.Reading> {
    return this.cells.map((cell) => cell.reading)
  }

  /** What decides about telling, of the named attributes, by their index. */
  rulesOf(names: ReadonlyArray<string>): ReadonlyMap<number, Rule> {
    const cells = names.flatMap((name) => this.byName.get(name) ?? [])
    return new Map(cells.map((cell) => [cell.index, ruleOf(cell.attribute)]))
  }

  /** Adds a subscriber; it is told the newest readings at once. */
  subscribe(subscription: Subscription, now: number): void {
    for (const cell of this.cells) subscription.offer(cell.index, cell.reading, now)
    this.subscriptions.add(subscription)
  }

  /** Readings that the device published: newer ones are kept, and all are told. */
  publish(batch: Batch, arrival: Arrival): void {
    const { samples } = batch
    for (let i = 0; i < samples.length; i++) {
      const sample = samples[i] as Sample
      const cell = this.cells[sample.index]
      if (cell === undefined) {
        this.faults.onUnknown(sample.index)
        continue
      }
      const reading = this.judge(cell, sample, { batch, seq: batch.seq + i, wall: arrival.wall })
      // An older one was overtaken by an answer: those who want all are told it all the same.
      const newer = Reading.compare(reading, cell.reading) > 0
      const telling = newer && this.keep(cell, reading, arrival.now - ageOf(sample))
      for (const subscription of this.subscriptions) {
        if (telling) {
          subscription.tell(cell.index, reading, arrival.now)
        } else if (newer || !subscription.wantsReplies) {
          subscription.offer(cell.index, reading, arrival.now)
        }
      }
    }
  }

  /**
   * Readings that were asked for. All have the place of the last published one, and are kept where
   * nothing newer is known. With `everyone`, those who want all published readings are told too.
   */
  reply(
    batch: Batch,
    arrival: Arrival,
    options: { readonly everyone: boolean }
  ): ReadonlyArray<Reading.Reading> {
    const readings: Array<Reading.Reading> = []
    for (const sample of batch.samples) {
      const cell = this.cells[sample.index]
      if (cell === undefined) {
        this.faults.onUnknown(sample.index)
        continue
      }
      const reading = this.judge(cell, sample, { batch, seq: batch.seq, wall: arrival.wall })
      readings.push(reading)
      if (Reading.compare(reading, cell.reading) < 0) continue
      const telling = this.keep(cell, reading, arrival.now - ageOf(sample))
      for (const subscription of this.subscriptions) {
        if (telling) {
          subscription.tell(cell.index, reading, arrival.now)
        } else if (options.everyone || subscription.wantsReplies) {
          subscription.offer(cell.index, reading, arrival.now)
        }
      }
    }
    return readings
  }

  /** Makes stale what is older than its `maxAge`. */
  grow(now: number): void {
    for (const cell of this.cells) {
      if (cell.measuredAt === undefined || now - cell.measuredAt < cell.maxAge) continue
      this.degrade(cell, `nothing newer came within ${cell.maxAge} ms`, now)
    }
  }

  /** Makes all readings stale for a reason. */
  growAll(reason: string, now: number): void {
    for (const cell of this.cells) this.degrade(cell, reason, now)
  }

  /** When `grow` may next find something; `Infinity` where it cannot. */
  get dueAt(): number {
    let due = Infinity
    for (const cell of this.cells) {
      if (cell.measuredAt === undefined || isStale(cell.reading)) continue
      due = Math.min(due, cell.measuredAt + cell.maxAge)
    }
    return due
  }

  /** The shortest `maxAge` of all attributes, in milliseconds. */
  get maxAgeMin(): number {
    return Math.min(Infinity, ...this.cells.map((cell) => cell.maxAge))
  }

  /** Tells the newest reading of an attribute to those who were not told it yet. */
  renew(name: string, now: number): void {
    const cell = this.byName.get(name)
    if (cell === undefined) return
    for (const subscription of this.subscriptions) {
      subscription.tell(cell.index, cell.reading, now)
    }
  }

  private keep(cell: Cell, reading: Reading.Reading, measuredAt: number): boolean {
    cell.reading = reading
    cell.measuredAt = measuredAt
    this.onDue(measuredAt + cell.maxAge)
    return this.onReading(reading)
  }

  private degrade(cell: Cell, reason: string, now: number): void {
    if (isStale(cell.reading)) return
    cell.reading = Reading.degrade(cell.reading, "stale", reason)
    this.onReading(cell.reading)
    for (const subscription of this.subscriptions) {
      subscription.offer(cell.index, cell.reading, now)
    }
  }

  private judge(
    cell: Cell,
    sample: Sample,
    at: { readonly batch: Batch; readonly seq: number; readonly wall: number }
  ): Reading.Reading {
    const judged = assess(cell.attribute, sample.value)
    const quality = Quality.worst(judged, sample.quality)
    const reading = {
      device: this.device,
      attribute: cell.name,
      value: judged === "bad" ? null : sample.value as Reading.Value,
      quality,
      sourceTime: at.batch.time + sample.offsetMillis,
      serverTime: at.wall,
      unit: cell.unit,
      epoch: at.batch.epoch,
      seq: at.seq
    }
    const known = quality === "good"
      ? reading
      : { ...reading, reason: this.reason(cell, sample, judged) }
    const age = ageOf(sample)
    return age < cell.maxAge || isStale(known)
      ? known
      : Reading.degrade(known, "stale", `it was measured ${age} ms before it was sent`)
  }

  private reason(cell: Cell, sample: Sample, judged: Quality.Quality): string {
    // A value that the device itself calls bad is no fault of the reading.
    if (judged === "good" || (sample.value === null && sample.quality === "bad")) {
      return sample.reason ?? "the device gives no reason"
    }
    const reason = reasonOf(cell.attribute, sample.value)
    if (judged === "bad") this.faults.onInvalid(cell.name, reason)
    return reason
  }
}

// How old a reading was when it was sent: by the device's clock alone, as clocks may differ.
const ageOf = (sample: Sample): number => Math.max(0, -sample.offsetMillis)

const isStale = (reading: Reading.Reading): boolean =>
  reading.quality === "stale" || reading.quality === "bad"
