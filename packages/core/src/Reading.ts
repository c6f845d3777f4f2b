/**
 * One observation of one attribute of one device: a value with its quality, its times and its place
 * in the order of things. Order is by `(epoch, seq)`, never by wall clocks.
 */
import { Schema } from "effect"
import { Epoch } from "./Epoch.ts"
import { DeviceId } from "./Identifier.ts"
import { Quality, worst } from "./Quality.ts"

/**
 * What an attribute can hold; `null` stands for "no value" and comes with a quality of `bad`. NaN
 * and the infinities are no values.
 */
export const Value = Schema.NullOr(Schema.Union(Schema.Finite, Schema.Boolean, Schema.String))
/** What an attribute can hold; `null` stands for "no value". */
export type Value = typeof Value.Type

/**
 * One observation. `sourceTime` is the device's clock and `serverTime` the receiving node's, both
 * in milliseconds since 1970-01-01 UTC; `seq` counts the readings of one epoch of one device.
 */
export const Reading = Schema.Struct({
  device: DeviceId,
  attribute: Schema.String,
  value: Value,
  quality: Quality,
  reason: Schema.optionalWith(Schema.String, { exact: true }),
  sourceTime: Schema.optionalWith(Schema.Finite, { exact: true }),
  serverTime: Schema.Finite,
  unit: Schema.String,
  epoch: Epoch,
  seq: Schema.NonNegativeInt
})
/** One observation of one attribute of one device. */
export interface Reading extends Schema.Schema.Type<typeof Reading> {}

/** The place of a reading in the order of its device's readings. */
export interface Position {
  readonly epoch: Epoch
  readonly seq: number
}

/** Negative where `a` comes before `b`, 0 at the same place, positive where it comes after. */
export const compare = (a: Position, b: Position): number =>
  a.epoch === b.epoch ? a.seq - b.seq : a.epoch - b.epoch

/**
 * How many readings are missing between the last one seen and the next one: 0 where it follows on,
 * negative where it is old. A new epoch starts anew and misses none by itself.
 */
export const missing = (last: Position, next: Position): number =>
  next.epoch === last.epoch ? next.seq - last.seq - 1 : 0

/** The reading of an attribute that was never read: `bad`, without a value. */
export const neverRead = (of: {
  readonly device: DeviceId
  readonly attribute: string
  readonly unit: string
  readonly serverTime: number
}): Reading => ({
  ...of,
  value: null,
  quality: "bad",
  reason: "never read",
  epoch: Epoch.make(0),
  seq: 0
})

/**
 * The quality of a reading as of `now`: at best `stale` once it is older than `maxAge`. Both are in
 * milliseconds of the clock that stamped `serverTime`. Receivers compute this themselves.
 */
export const qualityAt = (
  reading: Reading,
  at: { readonly now: number; readonly maxAge: number }
): Quality =>
  at.now - reading.serverTime > at.maxAge ? worst(reading.quality, "stale") : reading.quality

/** The same observation with a quality no better than `quality`, and the reason for it. */
export const degrade = (reading: Reading, quality: Quality, reason: string): Reading =>
  worst(reading.quality, quality) === reading.quality
    ? reading
    : { ...reading, quality, reason }
