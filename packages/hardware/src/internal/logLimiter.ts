/** Keeps a fault that comes a thousand times a second from filling the log. */

/** At most one line of a kind in this many milliseconds. */
export const logPeriodMillis = 10_000

/** The most kinds told apart; beyond it all further kinds count as one. */
export const logKindsMax = 64

/** Decides which of many alike lines are written. */
export class LogLimiter {
  private readonly kinds = new Map<string, { until: number; suppressed: number }>()

  /** How many lines of this kind were left out before this one; `undefined`: leave it out too. */
  admit(kind: string, now: number): number | undefined {
    const key = this.kinds.has(kind) || this.kinds.size < logKindsMax ? kind : ""
    const known = this.kinds.get(key)
    if (known !== undefined && now < known.until) {
      known.suppressed++
      return undefined
    }
    this.kinds.set(key, { until: now + logPeriodMillis, suppressed: 0 })
    return known?.suppressed ?? 0
  }
}
