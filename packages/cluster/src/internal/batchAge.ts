/**
 * How old the batches of a session are when they come: their transit beyond that of the quickest
 * one lately. Not of all time: after a clock stood still, as that of a machine that was suspended,
 * all that comes would be old.
 */
import { Transit } from "@plantd/core"

/** A window has at least so many batches, and lasts at least so long; the last two count. */
const windowBatches = 16
const windowMillis = 10_000

/** What is known of the transit times of one session. */
export class BatchAge {
  private before: Transit.Transit | undefined = undefined
  private current: Transit.Transit | undefined = undefined
  private since = 0
  private batches = 0

  /** The age of a batch in milliseconds, at least 0; that of the first one is 0. */
  of(batch: { readonly sentAt: number; readonly now: number }): number {
    const isFull = this.batches >= windowBatches && batch.now - this.since >= windowMillis
    if (this.current === undefined || isFull) {
      this.before = this.current
      this.current = Transit.begin(batch)
      this.since = batch.now
      this.batches = 0
    }
    this.batches++
    const [current, age] = Transit.observe(this.current, batch)
    this.current = current
    if (this.before === undefined) return age
    const [before, older] = Transit.observe(this.before, batch)
    this.before = before
    return Math.max(age, older)
  }
}
