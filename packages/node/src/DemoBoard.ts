/** What a demo remembers while it runs: its record, what was last read, and what is to be told. */
import { type Clock, Effect } from "effect"
import * as DemoRecord from "./DemoRecord.ts"
import { firstSetpoint } from "./DemoScript.ts"
import { eventsShownMax } from "./DemoView.ts"
import { since } from "./NodeReport.ts"

/** Events that wait to be shown; beyond it the oldest are dropped. */
const eventsMax = 1_000

/** What came in one second. */
export interface Rates {
  readonly readingsPerSecond: number
  readonly messagesPerSecond: number
}

/** The memory of one demo, which begins when it is made. */
export class DemoBoard {
  record: DemoRecord.DemoRecord = DemoRecord.empty
  setpoint = firstSetpoint
  private fresh: Array<string> = []
  private recent: Array<string> = []
  private counted = { at: 0, messages: 0, readings: 0 }
  private readonly clock: Clock.Clock
  private startedAt: number

  constructor(clock: Clock.Clock) {
    this.clock = clock
    this.startedAt = clock.unsafeCurrentTimeMillis()
  }

  /** Counts time from now on. */
  begin(): void {
    this.startedAt = this.clock.unsafeCurrentTimeMillis()
  }

  /** Milliseconds since the start. */
  get at(): number {
    return this.clock.unsafeCurrentTimeMillis() - this.startedAt
  }

  /** The last events, oldest first. */
  get events(): ReadonlyArray<string> {
    return this.recent
  }

  /** Takes an observation. */
  observe(seen: DemoRecord.Observation): void {
    this.record = DemoRecord.observe(this.record, seen)
  }

  /**
   * Takes counters, and gives the rates since they were last taken. Readings are counted on where a
   * device actor has begun anew.
   */
  take({ messages, ...counts }: DemoRecord.Counts & { readonly messages: number }): Rates {
    const at = this.at
    const seconds = Math.max(0.001, (at - this.counted.at) / 1_000)
    const fresh = since(this.counted.readings, counts.readings)
    const rates = {
      readingsPerSecond: Math.round(fresh / seconds),
      messagesPerSecond: Math.round((messages - this.counted.messages) / seconds)
    }
    this.counted = { at, messages, readings: counts.readings }
    const readings = this.record.counts.readings + fresh
    this.observe({ _tag: "Counted", at, counts: { ...counts, readings } })
    return rates
  }

  /** Something happened that a person should see. */
  tell(text: string): Effect.Effect<void> {
    return Effect.sync(() => {
      const event = `${(this.at / 1_000).toFixed(1).padStart(6)} s  ${text}`
      this.recent = [...this.recent, event].slice(-eventsShownMax)
      this.fresh.push(event)
      if (this.fresh.length > eventsMax) this.fresh.shift()
    })
  }

  /** The events since it was last asked for them. */
  takeEvents(): ReadonlyArray<string> {
    const events = this.fresh
    this.fresh = []
    return events
  }
}
