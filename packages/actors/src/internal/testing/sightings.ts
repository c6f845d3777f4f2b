/** What a test has seen, in order, bounded; and what of it was expected already. */
import { Inspectable, Schema } from "effect"

/** The most that a probe or a recording keeps; then the oldest give way. */
export const sightingsMax = 10_000

/** The most characters of one sighting in an error message. */
const textMax = 300

/** The most sightings in an error message: the newest. */
const shownMax = 50

/** What a test waited for did not come, or what it ruled out came. */
export class ExpectationFailed
  extends Schema.TaggedError<ExpectationFailed>()("ExpectationFailed", {
    /** Who expected it. */
    by: Schema.String,
    expected: Schema.String,
    withinMillis: Schema.Number,
    /** What came, one line each, oldest first; by `>` what no expectation has met. */
    came: Schema.Array(Schema.String)
  })
{
  override get message(): string {
    const what = `${this.by} expected ${this.expected} within ${this.withinMillis} ms`
    const { came } = this
    if (came.length === 0) return `${what}; nothing came`
    const left = came.length > shownMax ? [`  (${came.length - shownMax} before)`] : []
    return [`${what}; this came:`, ...left, ...came.slice(-shownMax)].join("\n")
  }
}

/** A value as one short line. */
export const inShort = (value: unknown): string => {
  const text = Inspectable.toStringUnknown(value, 0)
  return text.length > textMax ? `${text.slice(0, textMax)}…` : text
}

/** One thing that was seen. */
export interface Sighting<A> {
  readonly value: A
  /** An expectation has met it, so that it counts for no other. */
  met: boolean
}

/** Everything that was seen. */
export class Sightings<A> {
  readonly all: Array<Sighting<A>> = []
  /** How many gave way. */
  lost = 0
  private readonly listeners = new Set<() => void>()

  add(value: A): void {
    this.all.push({ value, met: false })
    if (this.all.length > sightingsMax) {
      this.all.shift()
      this.lost++
    }
    for (const listener of this.listeners) listener()
  }

  /** Those that no expectation has met, oldest first. */
  get unmet(): ReadonlyArray<Sighting<A>> {
    return this.all.filter(({ met }) => !met)
  }

  readonly onChange = (listener: () => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}
