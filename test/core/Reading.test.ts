import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, Reading } from "@plantd/core"
import { Schema } from "effect"
import * as fc from "fast-check"

const at = (epoch: number, seq: number): Reading.Position => ({
  epoch: Epoch.Epoch.make(epoch),
  seq
})
const anyPosition = fc.tuple(fc.nat(3), fc.nat(5)).map(([epoch, seq]) => at(epoch, seq))

const reading: Reading.Reading = {
  device: Identifier.DeviceId.make("pump-1"),
  attribute: "flow",
  value: 1.5,
  quality: "good",
  serverTime: 10_000,
  unit: "L/min",
  epoch: Epoch.first,
  seq: 7
}

describe("Reading order", () => {
  it.each([
    ["a later seq of one epoch", at(1, 3), at(1, 2), 1],
    ["the same place", at(1, 3), at(1, 3), 0],
    ["a later epoch, whatever its seq", at(2, 0), at(1, 999), 1],
    ["an earlier epoch, whatever its seq", at(1, 999), at(2, 0), -1]
  ])("%s compares so", (_name, a, b, sign) => {
    expect(Math.sign(Reading.compare(a, b))).toBe(sign)
  })

  it("is total: antisymmetric, transitive, and equal only at the same place", () => {
    fc.assert(fc.property(anyPosition, anyPosition, anyPosition, (a, b, c) => {
      const sign = Math.sign(Reading.compare(a, b))
      expect(Math.sign(Reading.compare(b, a)) + sign).toBe(0)
      expect(sign === 0).toBe(a.epoch === b.epoch && a.seq === b.seq)
      if (sign <= 0 && Reading.compare(b, c) <= 0) {
        expect(Reading.compare(a, c)).toBeLessThanOrEqual(0)
      }
    }))
  })

  it.each([
    ["the next one follows on", at(1, 4), 0],
    ["two are missing", at(1, 6), 2],
    ["the same one again is old", at(1, 3), -1],
    ["a new epoch misses none by itself", at(2, 50), 0]
  ])("after (1, 3): %s", (_name, next, missing) => {
    expect(Reading.missing(at(1, 3), next)).toBe(missing)
  })
})

describe("Reading quality", () => {
  it.each(
    [
      ["as old as maxAge", "good", 15_000, "good"],
      ["older than maxAge", "good", 15_001, "stale"],
      ["uncertain and too old", "uncertain", 20_000, "stale"],
      ["bad and too old", "bad", 20_000, "bad"],
      ["from a clock that was set back", "good", 0, "good"]
    ] as const
  )("of a reading that is %s", (_name, quality, now, expected) => {
    expect(Reading.qualityAt({ ...reading, quality }, { now, maxAge: 5_000 })).toBe(expected)
  })

  it("a degraded reading has the quality and its reason, and all else as it was", () => {
    expect(Reading.degrade(reading, "stale", "link lost")).toEqual({
      ...reading,
      quality: "stale",
      reason: "link lost"
    })
  })

  it("degrading never makes a quality better, and keeps the first reason", () => {
    const bad = Reading.degrade(reading, "bad", "sensor broken")
    expect(Reading.degrade(bad, "stale", "link lost")).toBe(bad)
    expect(Reading.degrade(bad, "bad", "again")).toBe(bad)
  })

  it("an attribute that was never read has no value and comes before every reading", () => {
    const { attribute, device, serverTime, unit } = reading
    const never = Reading.neverRead({ attribute, device, serverTime, unit })
    expect(never).toMatchObject({ value: null, quality: "bad", reason: "never read" })
    expect(Reading.compare(never, reading)).toBeLessThan(0)
    expect(Schema.is(Reading.Reading)(never)).toBe(true)
  })
})

describe("Reading schema", () => {
  it.each([1.5, true, "open", null])("%s is a value", (value) => {
    expect(Schema.is(Reading.Reading)({ ...reading, value })).toBe(true)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, [1], { value: 1 }, undefined])(
    "%s is no value",
    (value) => {
      expect(Schema.is(Reading.Reading)({ ...reading, value })).toBe(false)
    }
  )

  it("a reading comes back from its encoded form as it was", () => {
    const full: Reading.Reading = { ...reading, sourceTime: 9_990, reason: "because" }
    const encoded = Schema.encodeSync(Reading.Reading)(full)
    expect(Schema.decodeUnknownSync(Reading.Reading)(encoded)).toEqual(full)
  })
})
