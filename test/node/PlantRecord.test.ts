import { expect, it } from "@effect/vitest"
import { PlantRecord } from "@plantd/node"

/** A sample each 250 ms from a time on, of a level that is so many percent above its setpoint. */
const held = (from: number, seconds: number, percent: number, setpoint = 0.2) =>
  Array.from({ length: seconds * 4 }, (_, n): PlantRecord.Sample => ({
    at: from + n * 250,
    level: setpoint * (1 + percent / 100),
    setpoint
  }))

const after = (...samples: ReadonlyArray<ReadonlyArray<PlantRecord.Sample>>) =>
  samples.flat().reduce(PlantRecord.observe, PlantRecord.empty)

it("a level on its way to the setpoint is not judged, one that passes by has not settled", () => {
  expect(after(held(0, 4, -80))).toMatchObject({ settled: false, worstPercent: null })
  const passing = [held(0, 4, -80), held(4_000, 0.5, 0), held(4_500, 1, 12)]
  expect(after(...passing)).toMatchObject({ settled: false, worstPercent: null })
})

it("once it has settled, the largest error counts, above or below", () => {
  const settled = [held(0, 4, -80), held(4_000, 2, 1)]
  expect(after(...settled).worstPercent).toBeCloseTo(1)
  expect(after(...settled, held(6_000, 1, -7), held(7_000, 5, 0)).worstPercent).toBeCloseTo(7)
  expect(after(...settled, held(6_000, 1, 6)).worstPercent).toBeCloseTo(6)
})

it("a new setpoint is settled to anew, and the errors before it stay", () => {
  const moved = [held(0, 2, 1), held(2_000, 1, 3), held(3_000, 4, -25, 0.25)]
  expect(after(...moved)).toMatchObject({ settled: false })
  expect(after(...moved).worstPercent).toBeCloseTo(3)
  expect(after(...moved, held(7_000, 2, -1, 0.25)).settled).toBe(true)
})

it("tells how long settling took at most, and how long nobody looked", () => {
  expect(after(held(0, 4, -80)).settlingMillis).toBe(3_750)
  expect(after(held(0, 3, 0), held(3_000, 9, 90, 0.25)).settlingMillis).toBe(8_750)
  expect(after(held(0, 3, 0), held(5_000, 1, 0)).gapMillis).toBe(2_250)
})
