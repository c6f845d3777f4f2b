import { describe, expect, it } from "@effect/vitest"
import { Epoch } from "@plantd/core"
import * as ReadingBatch from "@plantd/hardware/ReadingBatch"
import { Either } from "effect"

const batch = (sample: Partial<ReadingBatch.Sample>): ReadingBatch.Batch => ({
  epoch: Epoch.Epoch.make(2),
  seq: 7,
  time: 1_700_000_000_000,
  samples: [{ index: 0, value: 1, offsetMillis: 0, quality: "good", reason: undefined, ...sample }]
})

describe("on the wire", () => {
  it("a plain reading takes two elements on the wire", () => {
    expect(ReadingBatch.batchToWire(batch({}))["readings"]).toEqual([[0, 1]])
    expect(ReadingBatch.batchToWire(batch({ offsetMillis: 3 }))["readings"]).toEqual([[0, 1, 3]])
  })

  it.each([
    [3, "batch: expected a map, got 3"],
    [{ seq: 1, time: 1, readings: [] }, "batch.epoch: expected an integer >= 0, got nothing"],
    [{ epoch: 1, seq: -1, time: 1, readings: [] }, "batch.seq: expected an integer"],
    [{ epoch: 1, seq: 1, time: "now", readings: [] }, "batch.time: expected milliseconds"],
    [{ epoch: 1, seq: 1, time: 1, readings: {} }, "batch.readings: expected an array, got a map"],
    [
      { epoch: 1, seq: 1, time: 1, readings: [[0, 1], 3] },
      "batch.readings[1]: expected [attribute"
    ],
    [{ epoch: 1, seq: 1, time: 1, readings: [[0]] }, "batch.readings[0]: expected [attributeIndex"],
    [{ epoch: 1, seq: 1, time: 1, readings: [[1.5, 0]] }, "readings[0]: attributeIndex: expected"],
    [{ epoch: 1, seq: 1, time: 1, readings: [[0, 0, "x"]] }, "offsetMillis: expected a number"],
    [{ epoch: 1, seq: 1, time: 1, readings: [[0, 0, 0, "fine"]] }, "quality: expected good, un"],
    [{ epoch: 1, seq: 1, time: 1, readings: [[0, 0, 0, "bad", 4]] }, "reason: expected a string"],
    [
      { epoch: 1, seq: 1, time: 1, readings: Array.from({ length: 4_097 }, () => [0, 0]) },
      "4097 readings, at most 4096"
    ]
  ])("a batch is refused with what and where: %$", (body, reason) => {
    const decoded = ReadingBatch.decodeReadings(body, "batch")
    expect(Either.getOrThrow(Either.flip(decoded)).message).toContain(reason)
  })

  it("a value of whatever type is kept, to be judged against its attribute", () => {
    const body = { epoch: 1, seq: 1, time: 1, readings: [[0, { odd: true }, 0, "bad", null]] }
    expect(Either.getOrThrow(ReadingBatch.decodeReadings(body, "batch")).samples).toEqual([
      { index: 0, value: { odd: true }, offsetMillis: 0, quality: "bad", reason: undefined }
    ])
  })
})
