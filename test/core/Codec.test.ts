import { describe, expect, it } from "@effect/vitest"
import { Codec } from "@plantd/core"
import { Either, Schema } from "effect"
import * as fc from "fast-check"

const small: Codec.Limits = { bytesMax: 64, itemBytesMax: 8, elementsMax: 4, depthMax: 3 }
const formats = [
  ["msgpack", Codec.msgpack, Codec.msgpackWith(small)],
  ["json", Codec.json, Codec.jsonWith(small)]
] as const

const bytesOf = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)
const text = (value: string) => new TextEncoder().encode(value)
const nested = (depth: number): unknown => depth === 0 ? null : [nested(depth - 1)]

/** The detail of the refusal; fails the test where there is none. */
const refusal = (result: Either.Either<unknown, Codec.CodecError>): string =>
  Either.match(result, {
    onLeft: (error) => error.message,
    onRight: (value) => expect.fail(`accepted as ${JSON.stringify(value)}`)
  })

/** Values that every format holds: text without lone surrogates, finite numbers without -0. */
const plain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ unit: "binary" }).filter((key) => key !== "__proto__"),
      tie("value"),
      {
        maxKeys: 20,
        noNullPrototype: true
      }
    )
  )
})).value

describe.each(formats)("Codec %s", (name, format, limited) => {
  it("gives back every plain value just as it was", () => {
    fc.assert(fc.property(plain, (value) => {
      const bytes = Either.getOrThrow(format.encode(value))
      expect(Either.getOrThrow(format.decode(bytes))).toEqual(value)
    }))
  })

  it("gives back whatever it encodes, and otherwise refuses, for any value at all", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withNullPrototype: true
    })
    fc.assert(fc.property(anything, (value) => {
      const encoded = format.encode(value)
      const again = Either.flatMap(Either.flatMap(encoded, format.decode), format.encode)
      expect(again).toEqual(encoded)
      expect(Either.merge(Either.mapLeft(encoded, (error) => error.direction))).not.toBe("decode")
    }))
  })

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(Either.isEither(format.decode(bytes))).toBe(true)
      }),
      { numRuns: 2_000 }
    )
  })

  it("refuses or decodes, and never throws, where whole messages are damaged", () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(fc.property(plain, damage, (value, changes) => {
      const bytes = Either.getOrThrow(format.encode(value))
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      const decoded = format.decode(bytes)
      if (Either.isRight(decoded)) {
        expect(Either.isRight(format.encode(decoded.right))).toBe(true)
      } else {
        expect(decoded.left).toMatchObject({ direction: "decode", format: name })
      }
    }))
  })

  it("refuses every truncation of a message", () => {
    const bytes = Either.getOrThrow(format.encode({ name: "pump", flow: [1.5, "é", true] }))
    for (let length = 0; length < bytes.length; length++) {
      expect(refusal(format.decode(bytes.subarray(0, length)))).toContain("cannot decode")
    }
  })

  it("refuses what comes after the value", () => {
    const bytes = Either.getOrThrow(format.encode({ a: 1 }))
    expect(refusal(format.decode(Uint8Array.from([...bytes, ...bytes])))).toContain("decode")
  })

  it.each([
    ["bytesMax", Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => 1e9))],
    ["bytesMax", Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => "12345678"))],
    ["itemBytesMax", "123456789"],
    ["itemBytesMax", "éééé!"],
    ["itemBytesMax", { "a long key": 1 }],
    ["elementsMax", [1, 2, 3, 4, 5]],
    ["elementsMax", { a: 1, b: 2, c: 3, d: 4, e: 5 }],
    ["depthMax", nested(4)]
  ])("refuses more than %s both ways", (limit, value) => {
    expect(refusal(limited.encode(value))).toContain(limit)
    const bytes = Either.getOrThrow(format.encode(value))
    expect(refusal(limited.decode(bytes))).toContain(limit)
  })

  it.each(["12345678", "éééé", [1, 2, 3, 4], { a: 1, b: 2, c: 3, d: 4 }, nested(3)])(
    "accepts %j, which is just within the limits, both ways",
    (value) => {
      const bytes = Either.getOrThrow(limited.encode(value))
      expect(Either.getOrThrow(limited.decode(bytes))).toEqual(value)
    }
  )

  it("leaves a property out that is undefined, and counts it nowhere", () => {
    const bytes = Either.getOrThrow(limited.encode({ a: 1, b: undefined, c: 2, d: 3, e: 4 }))
    expect(Either.getOrThrow(limited.decode(bytes))).toEqual({ a: 1, c: 2, d: 3, e: 4 })
  })

  it.each<[string, unknown, string]>([
    ["undefined", undefined, "undefined is not plain data, at $"],
    ["undefined in an array", { a: [1, undefined] }, "undefined is not plain data, at $.a[1]"],
    ["a bigint", [1n], "bigint is not plain data, at $[0]"],
    ["a function", { run: () => 1 }, "function is not plain data, at $.run"],
    ["a date", { at: new Date(0) }, "an instance of a class is not plain data"],
    ["a map", new Map([["a", 1]]), "an instance of a class is not plain data"],
    ["half a character", { a: "\ud83d" }, "half a surrogate pair, at $.a"],
    ["a key that is a prototype", JSON.parse('{"__proto__":{}}'), "the key __proto__"]
  ])("refuses to encode %s", (_name, value, reason) => {
    expect(refusal(format.encode(value))).toContain(reason)
  })

  it("refuses to encode what contains itself", () => {
    const loop: Array<unknown> = []
    loop.push({ loop })
    expect(refusal(format.encode(loop))).toContain("depthMax")
  })

  it("keeps a decoded object free of a foreign prototype", () => {
    const hostile = name === "json"
      ? text('{"__proto__":{"admin":true}}')
      : bytesOf(0x81, 0xa9, ...text("__proto__"), 0x81, 0xa5, ...text("admin"), 0xc3)
    expect(refusal(format.decode(hostile))).toContain("__proto__")
  })
})

describe("Codec msgpack against hostile bytes", () => {
  const repeated = (length: number, ...unit: ReadonlyArray<number>) =>
    Uint8Array.from({ length }, (_, index) => unit[index % unit.length] as number)

  it.each([
    ["a million nested arrays", repeated(1_048_576, 0x91)],
    ["a million nested maps", repeated(1_048_575, 0x81, 0xa1, 0x61)],
    ["arrays that each promise the most elements", repeated(1_048_575, 0xdc, 0x40, 0x00)],
    ["an array that promises four billion elements", bytesOf(0xdd, 0xff, 0xff, 0xff, 0xff)],
    ["a map that promises four billion entries", bytesOf(0xdf, 0xff, 0xff, 0xff, 0xff)],
    ["a text that promises four billion bytes", bytesOf(0xdb, 0xff, 0xff, 0xff, 0xff)],
    ["a binary that promises four billion bytes", bytesOf(0xc6, 0xff, 0xff, 0xff, 0xff)]
  ])("refuses %s without reserving memory for it", (_name, bytes) => {
    const before = process.memoryUsage().heapUsed
    expect(refusal(Codec.msgpack.decode(bytes))).toMatch(/depthMax|elementsMax|itemBytesMax/)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 1_048_576)
  })

  it("refuses a header that promises more than the message holds", () => {
    expect(refusal(Codec.msgpack.decode(bytesOf(0x93, 1, 2)))).toContain("truncated")
    expect(refusal(Codec.msgpack.decode(bytesOf(0x82, 0xa1, 0x61, 1)))).toContain("truncated")
  })

  it.each([
    ["fixext 1", bytesOf(0xd4, 1, 0)],
    ["fixext 4 as a timestamp", bytesOf(0xd6, 0xff, 0, 0, 0, 0)],
    ["fixext 16", bytesOf(0xd8, 1, ...new Uint8Array(16))],
    ["an empty ext 8", bytesOf(0xc7, 0, 5)],
    ["ext 16", bytesOf(0xc8, 0, 1, 5, 0)],
    ["ext 32", bytesOf(0xc9, 0, 0, 0, 1, 5, 0)],
    ["the type that is never used", bytesOf(0xc1)]
  ])("refuses %s", (_name, bytes) => {
    expect(refusal(Codec.msgpack.decode(bytes))).toContain("is not accepted")
  })

  it.each([
    ["a number", bytesOf(0x81, 1, 2)],
    ["nil", bytesOf(0x81, 0xc0, 2)],
    ["an array", bytesOf(0x81, 0x90, 2)]
  ])("refuses %s as a key", (_name, bytes) => {
    expect(refusal(Codec.msgpack.decode(bytes))).toContain("key of a map is not text")
  })

  it("refuses text that is not UTF-8", () => {
    expect(refusal(Codec.msgpack.decode(bytesOf(0xa2, 0x61, 0xff)))).toContain("decode msgpack")
    const surrogate = bytesOf(0xa3, 0xed, 0xa0, 0x80)
    expect(refusal(Codec.msgpack.decode(surrogate))).toContain("decode msgpack")
  })

  it.each([
    ["uint 64", bytesOf(0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0)],
    ["int 64", bytesOf(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0)]
  ])("refuses a %s that a number cannot hold exactly", (_name, bytes) => {
    expect(refusal(Codec.msgpack.decode(bytes))).toContain("53 bits")
  })

  it.each([
    ["uint 64", bytesOf(0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), 2 ** 53 - 1],
    ["int 64", bytesOf(0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe), -2],
    ["uint 8", bytesOf(0xcc, 0xff), 255],
    ["uint 16", bytesOf(0xcd, 0xff, 0xff), 65_535],
    ["uint 32", bytesOf(0xce, 0xff, 0xff, 0xff, 0xff), 4_294_967_295],
    ["int 8", bytesOf(0xd0, 0x80), -128],
    ["int 16", bytesOf(0xd1, 0x80, 0x00), -32_768],
    ["int 32", bytesOf(0xd2, 0x80, 0, 0, 0), -2_147_483_648],
    ["float 32", bytesOf(0xca, 0x3f, 0xc0, 0, 0), 1.5],
    ["str 8", bytesOf(0xd9, 1, 0x61), "a"],
    ["str 16", bytesOf(0xda, 0, 1, 0x61), "a"],
    ["str 32", bytesOf(0xdb, 0, 0, 0, 1, 0x61), "a"],
    ["array 32", bytesOf(0xdd, 0, 0, 0, 1, 0xc2), [false]],
    ["map 16", bytesOf(0xde, 0, 1, 0xd9, 1, 0x61, 0xc3), { a: true }]
  ])("decodes the %s of a foreign peer", (_name, bytes, value) => {
    expect(Either.getOrThrow(Codec.msgpack.decode(bytes))).toEqual(value)
  })

  it.each([0, 1, 255, 256, 65_535, 65_536])("gives %i bytes back", (length) => {
    const raw = new Uint8Array(length).fill(7)
    const bytes = Either.getOrThrow(Codec.msgpack.encode(raw))
    const decoded = Either.getOrThrow(Codec.msgpack.decode(bytes)) as Uint8Array
    expect(decoded.byteLength).toBe(length)
    expect(decoded.every((byte) => byte === 7)).toBe(true)
  })

  it("keeps binary within its limit both ways", () => {
    const limited = Codec.msgpackWith(small)
    const nine = new Uint8Array(9)
    expect(refusal(limited.encode(nine))).toContain("itemBytesMax")
    expect(refusal(limited.decode(bytesOf(0xc4, 9, ...nine)))).toContain("itemBytesMax")
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "gives %s back",
    (value) => {
      const bytes = Either.getOrThrow(Codec.msgpack.encode([value]))
      expect(Either.getOrThrow(Codec.msgpack.decode(bytes))).toEqual([value])
    }
  )
})

describe("Codec json", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, new Uint8Array(2)])(
    "refuses %s, which would come back as something else",
    (value) => {
      expect(refusal(Codec.json.encode({ value }))).toContain("in this format")
    }
  )

  it("refuses a number that is too large for a number", () => {
    expect(refusal(Codec.json.decode(text("[1e999]")))).toContain("Infinity")
  })

  it("refuses a million nested arrays without overflowing the stack", () => {
    const half = 524_288
    const bytes = text("[".repeat(half) + "]".repeat(half))
    expect(refusal(Codec.json.decode(bytes))).toContain("depthMax")
  })

  it("refuses text that is not UTF-8", () => {
    expect(refusal(Codec.json.decode(bytesOf(0x22, 0xff, 0x22)))).toContain("decode json")
  })
})

describe("Codec.make", () => {
  const Flow = Schema.Struct({ flow: Schema.Number, at: Schema.DateFromString })
  const codec = Codec.make(Flow, Codec.json)

  it("takes values of the schema to bytes and back", () => {
    const value = { flow: 1.5, at: new Date("2026-01-02T03:04:05.000Z") }
    const bytes = Either.getOrThrow(codec.encode(value))
    expect(new TextDecoder().decode(bytes)).toBe('{"flow":1.5,"at":"2026-01-02T03:04:05.000Z"}')
    expect(Either.getOrThrow(codec.decode(bytes))).toEqual(value)
  })

  it("names the field that is wrong, what was expected and what came", () => {
    const reason = refusal(codec.decode(text('{"flow":"much","at":"2026-01-02"}')))
    expect(reason).toContain("cannot decode json")
    expect(reason).toContain('["flow"]')
    expect(reason).toContain('Expected number, actual "much"')
  })

  it("names what is wrong with a value on its way out", () => {
    const positive = Codec.make(Schema.Struct({ flow: Schema.Positive }), Codec.msgpack)
    expect(refusal(positive.encode({ flow: -1 }))).toContain("a positive number, actual -1")
  })

  it("tells of a huge wrong value no more than fits a log line", () => {
    const huge = text(JSON.stringify({ flow: "x".repeat(200_000), at: "2026-01-02" }))
    expect(refusal(codec.decode(huge)).length).toBeLessThan(Codec.detailLengthMax + 100)
  })
})
