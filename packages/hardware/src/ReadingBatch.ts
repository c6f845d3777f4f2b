/** Readings as they travel: many in one batch, numbered one after the other. Plain code. */
import type { Epoch, Quality } from "@plantd/core"
import { Either } from "effect"
import { isMap, nameOf } from "./internal/nameOf.ts"
import { malformed, type ProtocolViolation } from "./ProtocolViolation.ts"

/** The most readings of one batch. */
export const batchReadingsMax = 4_096

/** One reading on the wire; its attribute is the index among the description's sorted names. */
export interface Sample {
  readonly index: number
  /** Not yet checked against the attribute: see `Attribute.assess`. */
  readonly value: unknown
  /** When it was measured, in milliseconds after the batch's `time`; negative is before. */
  readonly offsetMillis: number
  readonly quality: Quality.Quality
  readonly reason: string | undefined
}

/** Readings in a row: sample `i` has the place `(epoch, seq + i)`. */
export interface Batch {
  readonly epoch: Epoch.Epoch
  /** Of the first sample; in an empty batch, of the last reading that was published. */
  readonly seq: number
  /** Milliseconds since 1970-01-01 UTC by the device's clock. */
  readonly time: number
  readonly samples: ReadonlyArray<Sample>
}

/** A reading in the array form of the wire, as short as its content allows. */
export const sampleToWire = (sample: Sample): ReadonlyArray<unknown> => {
  if (sample.reason !== undefined) {
    return [sample.index, sample.value, sample.offsetMillis, sample.quality, sample.reason]
  }
  if (sample.quality !== "good") {
    return [sample.index, sample.value, sample.offsetMillis, sample.quality]
  }
  return sample.offsetMillis === 0
    ? [sample.index, sample.value]
    : [sample.index, sample.value, sample.offsetMillis]
}

/** A batch as plain data: the body of a telemetry message and of a REPLY to READ. */
export const batchToWire = (batch: Batch): Record<string, unknown> => ({
  epoch: batch.epoch,
  seq: batch.seq,
  time: batch.time,
  readings: batch.samples.map(sampleToWire)
})

/**
 * Readings from plain data: the body of a batch, or of a REPLY to READ. Values are left as they
 * are. Runs for every batch; `where` stands before the field in a violation.
 */
export const decodeReadings = (
  value: unknown,
  where: string
): Either.Either<Batch, ProtocolViolation> => {
  if (!isMap(value)) return Either.left(malformed(where, `expected a map, got ${nameOf(value)}`))
  const { epoch, seq, time, readings } = value
  if (!isCount(epoch)) return Either.left(expected(`${where}.epoch`, "an integer >= 0", epoch))
  if (!isCount(seq)) return Either.left(expected(`${where}.seq`, "an integer >= 0", seq))
  if (!Number.isFinite(time)) return Either.left(expected(`${where}.time`, "milliseconds", time))
  if (!Array.isArray(readings)) {
    return Either.left(expected(`${where}.readings`, "an array", readings))
  }
  if (readings.length > batchReadingsMax) {
    return Either.left(
      malformed(`${where}.readings`, `${readings.length} readings, at most ${batchReadingsMax}`)
    )
  }
  const samples: Array<Sample> = []
  for (let i = 0; i < readings.length; i++) {
    const sample = decodeSample(readings[i])
    if (typeof sample === "string") {
      return Either.left(malformed(`${where}.readings[${i}]`, sample))
    }
    samples.push(sample)
  }
  return Either.right({ epoch: epoch as Epoch.Epoch, seq, time: time as number, samples })
}

const decodeSample = (value: unknown): Sample | string => {
  if (!Array.isArray(value) || value.length < 2 || value.length > 5) {
    return "expected [attributeIndex, value, offsetMillis?, quality?, reason?], got "
      + (Array.isArray(value) ? `${value.length} elements` : nameOf(value))
  }
  const [index, content, offset = 0, quality = "good", reason] = value as ReadonlyArray<unknown>
  if (!isCount(index)) return `attributeIndex: expected an integer >= 0, got ${nameOf(index)}`
  if (!Number.isFinite(offset)) return `offsetMillis: expected a number, got ${nameOf(offset)}`
  if (!isQuality(quality)) {
    return `quality: expected good, uncertain, stale or bad, got ${nameOf(quality)}`
  }
  if (reason !== undefined && reason !== null && typeof reason !== "string") {
    return `reason: expected a string, got ${nameOf(reason)}`
  }
  return {
    index,
    value: content,
    offsetMillis: offset as number,
    quality,
    reason: reason ?? undefined
  }
}

const expected = (where: string, what: string, got: unknown): ProtocolViolation =>
  malformed(where, `expected ${what}, got ${nameOf(got)}`)

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && value as number >= 0

const isQuality = (value: unknown): value is Quality.Quality =>
  value === "good" || value === "uncertain" || value === "stale" || value === "bad"
