/** A virtual clock that costs microseconds: laws turn it in thousands of programs. */
import { Clock, Duration, Effect } from "effect"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Stands still until it is advanced. */
export class SwiftClock implements Clock.Clock {
  readonly [Clock.ClockTypeId]: Clock.ClockTypeId = Clock.ClockTypeId
  private now = 0
  private sleepers: Array<Sleeper> = []

  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.now)
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() =>
    this.unsafeCurrentTimeNanos()
  )

  unsafeCurrentTimeMillis(): number {
    return this.now
  }

  unsafeCurrentTimeNanos(): bigint {
    return BigInt(Math.round(this.now * 1_000_000))
  }

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.async<void>((resume) => {
      const wake = () => resume(Effect.void)
      const sleeper = { at: this.now + Duration.toMillis(duration), wake }
      this.sleepers.push(sleeper)
      return Effect.sync(() => {
        this.sleepers = this.sleepers.filter((other) => other !== sleeper)
      })
    })
  }

  /** Wakes all who sleep until then, in the order of their times; each may sleep again. */
  readonly advance = (millis: number): Effect.Effect<void> =>
    Effect.suspend(() => Effect.zipRight(settled, this.advanceTo(this.now + millis)))

  private advanceTo(end: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const next = this.sleepers.reduce((least, { at }) => Math.min(least, at), end)
      this.now = Math.max(this.now, next)
      const due = this.sleepers.filter(({ at }) => at <= this.now)
      if (due.length === 0 && this.now >= end) return Effect.void
      this.sleepers = this.sleepers.filter(({ at }) => at > this.now)
      for (const { wake } of due) wake()
      return Effect.zipRight(settled, this.advanceTo(end))
    })
  }
}

/** Lets everything that is ready run to where it waits. */
const settled = Effect.repeatN(Effect.yieldNow(), 40)
