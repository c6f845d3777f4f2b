import { describe, expect, it } from "@effect/vitest"
import { RegisterValue } from "@plantd/example-modbus"
import { Either } from "effect"
import * as fc from "fast-check"

const format = (
  type: RegisterValue.RegisterType,
  more: Partial<RegisterValue.RegisterFormat> = {}
): RegisterValue.RegisterFormat => ({
  type,
  wordOrder: "high-first",
  scale: 1,
  offset: 0,
  ...more
})

describe("numbers in registers", () => {
  it.each<[RegisterValue.RegisterFormat, ReadonlyArray<number>, number]>([
    [format("uint16"), [0xffff], 65_535],
    [format("int16"), [0xffff], -1],
    [format("int16"), [0x8000], -32_768],
    [format("uint32"), [0x0001, 0x0002], 65_538],
    [format("uint32", { wordOrder: "low-first" }), [0x0002, 0x0001], 65_538],
    [format("uint32"), [0xffff, 0xffff], 4_294_967_295],
    [format("int32"), [0xffff, 0xfffe], -2],
    [format("int32", { wordOrder: "low-first" }), [0xfffe, 0xffff], -2],
    [format("float32"), [0x3fc0, 0x0000], 1.5],
    [format("float32", { wordOrder: "low-first" }), [0x0000, 0x3fc0], 1.5],
    [format("uint16", { scale: 0.1 }), [3], 0.3],
    [format("int16", { scale: -2, offset: 10 }), [0xffff], 12]
  ])("%j: %j is %d, and back", (given, words, value) => {
    expect(RegisterValue.decode(given, words)).toBe(value)
    expect(RegisterValue.encode(given, value)).toEqual(Either.right(words))
    expect(RegisterValue.wordsOf(given.type)).toBe(words.length)
    expect(RegisterValue.decode(given, [7, ...words], 1)).toBe(value)
  })

  it("what is between two steps becomes the nearer one", () => {
    const given = format("uint16", { scale: 0.5 })
    expect(RegisterValue.encode(given, 1.3)).toEqual(Either.right([3]))
    expect(RegisterValue.resolutionOf(given, 100)).toBeCloseTo(0.25)
    expect(RegisterValue.resolutionOf(format("float32"), 1)).toBeCloseTo(2 ** -23, 12)
  })

  it.each<[RegisterValue.RegisterFormat, number, string]>([
    [format("uint16"), -1, "-1 does not fit into uint16"],
    [format("uint16"), 65_536, "65536 does not fit into uint16"],
    [format("int16"), 32_768, "32768 does not fit into int16"],
    [format("int32"), 2 ** 31, "2147483648 does not fit into int32"],
    [
      format("uint16", { scale: 0.1, offset: 5 }),
      4.9,
      "4.9 does not fit into uint16 with scale 0.1 and offset 5"
    ],
    [format("float32"), 1e39, "1e+39 does not fit into a float32"],
    [format("uint32"), NaN, "NaN is not a finite number"]
  ])("%j: %d is none of them", (given, value, fault) => {
    expect(RegisterValue.encode(given, value)).toEqual(Either.left(fault))
  })

  it("a float may hold no number, and it is not made one", () => {
    expect(RegisterValue.decode(format("float32"), [0x7fc0, 0])).toBeNaN()
    expect(RegisterValue.decode(format("float32"), [0x7f80, 0])).toBe(Infinity)
    expect(RegisterValue.decode(format("uint32"), [])).toBe(0)
  })

  it("whatever fits is read as it was written, within the resolution", () => {
    const formats = fc.record({
      type: fc.constantFrom<RegisterValue.RegisterType>(
        "uint16",
        "int16",
        "uint32",
        "int32",
        "float32"
      ),
      wordOrder: fc.constantFrom<RegisterValue.WordOrder>("high-first", "low-first"),
      scale: fc.constantFrom(1, 0.1, 0.001, -0.5, 10),
      offset: fc.constantFrom(0, -40, 0.5)
    })
    fc.assert(
      fc.property(formats, fc.double({ min: -1e10, max: 1e10, noNaN: true }), (given, value) => {
        const words = RegisterValue.encode(given, value)
        if (Either.isLeft(words)) return
        expect(words.right.every((word) => word >= 0 && word <= 0xffff)).toBe(true)
        const error = Math.abs(RegisterValue.decode(given, words.right) - value)
        expect(error).toBeLessThanOrEqual(RegisterValue.resolutionOf(given, Math.abs(value)))
      })
    )
  })
})
