/**
 * The alarms of one device: fed with its readings, its link and time, and driven by the state
 * machine of core. Plain code: it runs for every reading of an attribute that has alarms.
 */
import { type Alarm, AlarmCondition, AlarmMachine, type Reading } from "@plantd/core"
import { type Definition, linkAlarm, unresolvedAlarm } from "../DeviceAlarm.ts"
import type { Phase } from "../LinkState.ts"
import type { Arrival } from "./attributeTable.ts"

/** How long a link may take to come about before it counts as lost, in milliseconds. */
export const connectMillisMax = 10_000

/** One alarm. */
export interface Entry {
  readonly definition: Definition
  tracked: AlarmMachine.Tracked
  due: AlarmMachine.At
}

/** What happened to an alarm. */
export interface Change {
  readonly definition: Definition
  readonly before: Alarm.Instance
  readonly instance: Alarm.Instance
  readonly events: ReadonlyArray<AlarmMachine.Event>
}

/** A step that was thought through and is not made yet. */
export interface Rehearsal {
  readonly before: AlarmMachine.Tracked
  readonly after: AlarmMachine.Tracked
  readonly events: ReadonlyArray<AlarmMachine.Event>
}

/** What a board is made from. */
export interface Options {
  readonly fence: number
  /** What is stored of alarms, by id. */
  readonly stored: ReadonlyMap<string, Alarm.Instance>
  readonly arrival: () => Arrival
  /** Told of each change, in order. */
  readonly onChange: (change: Change) => void
  /** Told when an alarm is to be looked at that was not due before. */
  readonly onDue: (due: AlarmMachine.At) => void
}

/** See the module. */
export class AlarmBoard {
  private readonly entries: ReadonlyMap<string, Entry>
  private readonly byAttribute = new Map<string, Array<Entry>>()
  private readonly options: Options
  /** When a link that did not come about counts as lost, by the clock that never jumps. */
  private connectBy: number

  constructor(definitions: ReadonlyArray<Definition>, options: Options) {
    this.options = options
    this.connectBy = options.arrival().now + connectMillisMax
    this.entries = new Map(definitions.map((definition) => {
      const stored = options.stored.get(definition.id)
      const tracked = stored === undefined
        ? AlarmMachine.initial(definition, options.fence)
        : AlarmMachine.restore(definition, stored, options.fence)
      const entry = { definition, tracked, due: AlarmMachine.dueAt(definition, tracked) }
      if (definition.attribute !== undefined) {
        const others = this.byAttribute.get(definition.attribute) ?? []
        this.byAttribute.set(definition.attribute, [...others, entry])
      }
      return [definition.id, entry]
    }))
  }

  /** Where all alarms stand. */
  get instances(): ReadonlyArray<Alarm.Instance> {
    return [...this.entries.values()].map((entry) => entry.tracked.instance)
  }

  /** The names of all alarms. */
  get ids(): ReadonlyArray<string> {
    return [...this.entries.keys()]
  }

  /** One alarm by its name. */
  find(id: string): Entry | undefined {
    return this.entries.get(id)
  }

  /** Judges the newest reading of an attribute; true where that changed one of its alarms. */
  readonly onReading = (reading: Reading.Reading): boolean => {
    const entries = this.byAttribute.get(reading.attribute)
    if (entries === undefined) return false
    let changed = false
    for (const entry of entries) {
      if (isCalm(entry, reading)) continue
      const { instance } = entry.tracked
      this.take(entry, inputOf(reading))
      changed ||= entry.tracked.instance !== instance
    }
    return changed
  }

  /** Takes note of how the link is. */
  onLink(phase: Phase): void {
    if (phase === "connecting") return
    this.connectBy = Infinity
    // Degraded is on the way to lost, or back: until then the alarm stays as it is.
    if (phase !== "degraded") this.report(linkAlarm, phase !== "online")
  }

  /** Takes note of how many commands wait for a person: one more is an occurrence of its own. */
  setUnresolved(count: number): void {
    const entry = this.entries.get(unresolvedAlarm)
    if (entry === undefined) return
    const { instance, value } = entry.tracked
    const before = instance.severity !== undefined && typeof value === "number" ? value : 0
    const more = before > 0 && count > before
    this.take(entry, more ? { _tag: "Anew", value: count } : valueOf(count))
  }

  /** Does what time brings, and names the attributes whose alarms that changed. */
  tick(): ReadonlyArray<string> {
    const { now, wall } = this.options.arrival()
    if (now >= this.connectBy) this.onLink("lost")
    const changed: Array<string> = []
    for (const entry of this.entries.values()) {
      const { definition: { attribute }, due, tracked } = entry
      if (now < due.now && wall < due.wall) continue
      this.take(entry, { _tag: "Tick" })
      if (attribute !== undefined && entry.tracked.level !== tracked.level) changed.push(attribute)
    }
    return changed
  }

  /** When `tick` may next find something. */
  get dueAt(): AlarmMachine.At {
    let { now, wall } = { now: this.connectBy, wall: Infinity }
    for (const { due } of this.entries.values()) {
      now = Math.min(now, due.now)
      wall = Math.min(wall, due.wall)
    }
    return { now, wall }
  }

  /** What a step would do. */
  rehearse({ definition, tracked }: Entry, input: AlarmMachine.Input): Rehearsal {
    const [after, events] = AlarmMachine.step(definition, tracked, input, this.options.arrival())
    return { before: tracked, after, events }
  }

  /**
   * Makes a step that was rehearsed; where the alarm has changed since, the step as it now is.
   * Gives what happened.
   */
  commit(
    entry: Entry,
    { after, before, events }: Rehearsal,
    input: AlarmMachine.Input
  ): ReadonlyArray<AlarmMachine.Event> {
    if (entry.tracked !== before) return this.take(entry, input)
    this.adopt(entry, after, events)
    return events
  }

  private report(id: string, present: boolean): void {
    const entry = this.entries.get(id)
    if (entry !== undefined) this.take(entry, valueOf(present))
  }

  private take(entry: Entry, input: AlarmMachine.Input): ReadonlyArray<AlarmMachine.Event> {
    const { after, events } = this.rehearse(entry, input)
    this.adopt(entry, after, events)
    return events
  }

  private adopt(
    entry: Entry,
    after: AlarmMachine.Tracked,
    events: ReadonlyArray<AlarmMachine.Event>
  ): void {
    const { definition, tracked } = entry
    if (after === tracked) return
    entry.tracked = after
    entry.due = AlarmMachine.dueAt(definition, after)
    this.options.onDue(entry.due)
    const { instance } = after
    if (instance === tracked.instance) return
    this.options.onChange({ definition, before: tracked.instance, instance, events })
  }
}

// Most readings change nothing, which is seen here without a look at any clock.
const isCalm = (
  { definition, due, tracked }: Entry,
  { quality, value }: Reading.Reading
): boolean =>
  due.now === Infinity
  && (quality === "good"
    ? !tracked.instance.stale
      && AlarmCondition.judge(definition.condition, value, tracked.judged) === tracked.judged
    : tracked.instance.stale && quality !== "uncertain")

const valueOf = (value: Reading.Value): AlarmMachine.Input => ({ _tag: "Value", value, good: true })

// An uncertain value can raise an alarm and never clears one; what is stale or bad says nothing.
const inputOf = ({ quality, value }: Reading.Reading): AlarmMachine.Input =>
  quality === "good" || quality === "uncertain"
    ? { _tag: "Value", value, good: quality === "good" }
    : { _tag: "Unknown" }
