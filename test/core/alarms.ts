/** An alarm on a flow for tests: what is done to it, and where it stands. */
import { AlarmMachine } from "@plantd/core"

export interface Options {
  readonly onDelay?: number
  readonly offDelay?: number
  readonly hysteresis?: number
  readonly latching?: boolean
  readonly needsAck?: boolean
  readonly ackTransient?: boolean
}

/** High at 8, which is minor, and highHigh at 9, which is major. */
export const definitionOf = (options: Options): AlarmMachine.Definition => ({
  id: "flow.high",
  onDelay: options.onDelay ?? 0,
  offDelay: options.offDelay ?? 0,
  latching: options.latching ?? false,
  needsAck: options.needsAck ?? true,
  ackTransient: options.ackTransient ?? true,
  condition: {
    _tag: "High",
    levels: [
      { limit: "high", severity: "minor", at: 8 },
      { limit: "highHigh", severity: "major", at: 9 }
    ],
    hysteresis: options.hysteresis ?? 0,
    unit: "L/s"
  }
})

/** Drives an alarm; the wall clock shows 1,000,000 when the one that never jumps shows 0. */
export class Watched {
  readonly options: Options
  readonly definition: AlarmMachine.Definition
  tracked: AlarmMachine.Tracked
  /** Of the last input. */
  events: ReadonlyArray<AlarmMachine.Event> = []
  now = 0

  constructor(options: Options, tracked: AlarmMachine.Tracked) {
    this.options = options
    this.definition = definitionOf(options)
    this.tracked = tracked
  }

  get instance() {
    return this.tracked.instance
  }

  /** State, severity of the condition/severity that waits, and the number of the occurrence. */
  get shown(): string {
    const { occurrenceId, severity, state, unacknowledged } = this.instance
    const occurrence = occurrenceId === undefined ? "" : ` ${occurrenceId.split(".").at(-1)}`
    return `${state} ${severity ?? "none"}/${unacknowledged ?? "none"}${occurrence}`
  }

  /** The events of the last input. */
  get told(): string {
    return this.events.map((event) => event._tag).join(" ")
  }

  at(now: number): this {
    this.now = now
    return this
  }

  take(input: AlarmMachine.Input): this {
    const at = { now: this.now, wall: 1_000_000 + this.now }
    const [tracked, events] = AlarmMachine.step(this.definition, this.tracked, input, at)
    this.tracked = tracked
    this.events = events
    return this
  }

  value(value: number): this {
    return this.take({ _tag: "Value", value, good: true })
  }

  doubtful(value: number): this {
    return this.take({ _tag: "Value", value, good: false })
  }

  anew(value: number): this {
    return this.take({ _tag: "Anew", value })
  }

  unknown(): this {
    return this.take({ _tag: "Unknown" })
  }

  tick(): this {
    return this.take({ _tag: "Tick" })
  }

  /** By one who has seen it as it is, but for what is given. */
  ack(seen: Partial<Extract<AlarmMachine.Input, { readonly _tag: "Acknowledge" }>> = {}): this {
    return this.take({
      _tag: "Acknowledge",
      occurrenceId: this.instance.occurrenceId ?? "none",
      severity: this.instance.unacknowledged ?? "critical",
      by: "ann",
      ...seen
    })
  }

  shelve(): this {
    return this.take({ _tag: "Shelve", until: 1_000_500, by: "ann", reason: "being repaired" })
  }

  unshelve(): this {
    return this.take({ _tag: "Unshelve", by: "ann" })
  }
}

/** An alarm that was never raised. */
export const alarmed = (options: Options = {}): Watched =>
  new Watched(options, AlarmMachine.initial(definitionOf(options), 1))
