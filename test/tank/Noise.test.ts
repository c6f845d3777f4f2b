import { describe, expect, it } from "@effect/vitest"
import { Noise } from "@plantd/example-tank"

const draw = (seed: number, count: number): ReadonlyArray<number> => {
  const values: Array<number> = []
  let noise = Noise.make(seed)
  for (let i = 0; i < count; i++) {
    const [value, next] = Noise.gaussian(noise)
    values.push(value)
    noise = next
  }
  return values
}

const mean = (values: ReadonlyArray<number>): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

describe("Noise", () => {
  it("the same seed gives the same noise, another seed gives another", () => {
    expect(draw(7, 100)).toEqual(draw(7, 100))
    expect(draw(7, 100)).not.toEqual(draw(8, 100))
  })

  it("a generator is a value: drawing twice from one state gives the same number", () => {
    const noise = Noise.make(1)
    expect(Noise.uniform(noise)).toEqual(Noise.uniform(noise))
  })

  it("uniform numbers fill [0, 1) evenly", () => {
    const buckets = Array.from({ length: 10 }, () => 0)
    let noise = Noise.make(3)
    for (let i = 0; i < 20_000; i++) {
      const [value, next] = Noise.uniform(noise)
      expect(value >= 0 && value < 1).toBe(true)
      buckets[Math.floor(value * 10)]! += 1
      noise = next
    }
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  })

  it("gaussian numbers have mean 0, variance 1 and the tails of the normal distribution", () => {
    const values = draw(11, 40_000)
    expect(Math.abs(mean(values))).toBeLessThan(0.02)
    expect(Math.abs(mean(values.map((value) => value * value)) - 1)).toBeLessThan(0.03)
    const outside = values.filter((value) => Math.abs(value) > 1.96).length / values.length
    expect(Math.abs(outside - 0.05)).toBeLessThan(0.005)
    expect(values.every(Number.isFinite)).toBe(true)
  })
})
