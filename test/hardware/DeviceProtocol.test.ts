import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { Codec, Epoch } from "@plantd/core"
import { DeviceProtocol as Protocol, type Transport } from "@plantd/hardware"
import { Either } from "effect"
import fc from "fast-check"

const utf8 = new TextEncoder()
const id = Protocol.idOf("r1")
const pack = (value: unknown) => Either.getOrThrow(Codec.msgpack.encode(value))
const frames = (kind: string, body: unknown, name = "PDP1") => [
  utf8.encode(name),
  utf8.encode(kind),
  id,
  pack(body)
]

const command = { sentAt: 1, deadlineMs: 500, commandId: "c-1", fence: 0, epoch: 1 }
const requests = {
  HELLO: {
    protocol: [1],
    device: "p-1",
    node: "n-1",
    fence: 0,
    epoch: 1,
    sentAt: 12.5,
    description: { any: ["thing"] }
  },
  READ: { sentAt: 1, deadlineMs: 500, attributes: ["flow"] },
  WRITE: { ...command, attribute: "speed", value: 3 },
  INVOKE: { ...command, command: "prime", payload: { seconds: 3 } },
  HEARTBEAT: { sentAt: 1 },
  BYE: { reason: "done" }
}
const answers = {
  READY: {
    protocol: 1,
    device: "p-1",
    epoch: 1,
    seq: 0,
    description: {},
    heartbeatMillis: 1_000,
    telemetry: "tcp://127.0.0.1:5702",
    fence: 3
  },
  PROGRESS: { progress: 0.5, message: "half" },
  REPLY: { result: true },
  ERROR: { code: "stale-fence", message: "fence 2 is below 3", fence: 3 },
  HEARTBEAT: { epoch: 1, seq: 4, loopLagMillis: 0.2, hardware: "ok" },
  BYE: {}
}
type Decode = (frames: Transport.Frames) => Either.Either<
  Protocol.Request | Protocol.Answer,
  Protocol.ProtocolViolation
>
const sides: ReadonlyArray<readonly [string, Record<string, object>, Decode]> = [
  ["request", requests, Protocol.decodeRequest],
  ["answer", answers, Protocol.decodeAnswer]
]
const violation = <A>(decoded: Either.Either<A, Protocol.ProtocolViolation>) =>
  Either.getOrThrow(Either.flip(decoded))

describe.each(sides)("a %s", (_, bodies, decode) => {
  it.each(Object.entries(bodies))("%s survives the wire", (kind, body) => {
    const sent = Either.getOrThrow(Protocol.encode(kind as "BYE", id, body))
    const received = Either.getOrThrow(decode(sent))
    expect(received).toEqual({ kind, id, body })
  })

  it.each(Object.entries(bodies))("%s with more fields than known is understood", (kind, body) => {
    expect(Either.isRight(decode(frames(kind, { ...body, future: [1, 2] })))).toBe(true)
  })

  it.each(Object.keys(bodies))("%s of arbitrary content is a violation or what it says", (kind) => {
    fc.assert(fc.property(fc.anything(), (body) => {
      const packed = Codec.msgpack.encode(body)
      if (Either.isLeft(packed)) return
      const decoded = decode([utf8.encode("PDP1"), utf8.encode(kind), id, packed.right])
      if (Either.isLeft(decoded)) expect(decoded.left.message).not.toBe("")
      else expect(decoded.right.kind).toBe(kind)
    }))
  })

  it.each(Object.entries(bodies))(
    "%s with one field of a wrong type is never valid",
    (kind, body) => {
      const entries = Object.entries(body).filter(([field]) =>
        !["description", "value", "payload", "result"].includes(field)
      )
      if (entries.length === 0) return
      const wrong = fc.constantFrom(null, {}, [[]], new Uint8Array(2), Number.NaN, -1.5, "", true)
      fc.assert(fc.property(fc.constantFrom(...entries), wrong, ([field, right], content) => {
        const fits = typeof content === typeof right && field !== "protocol"
          && (typeof right !== "number" || ["sentAt"].includes(field) && content === -1.5)
          && (typeof right !== "string" || ["reason", "message", "telemetry"].includes(field))
          && (Array.isArray(right) === Array.isArray(content))
        const leftOut = kind === "HELLO" && field === "device" && content === null
        if (fits || leftOut) return
        const decoded = decode(frames(kind, { ...body, [field]: content }))
        expect(violation(decoded).where).toContain(`${kind}.${field}`)
      }))
    }
  )

  it.each(Object.entries(bodies))("%s cut short anywhere is a violation", (kind, body) => {
    const [name, word, key, bytes] = frames(kind, body) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array
    ]
    for (let end = 0; end < bytes.length; end++) {
      expect(violation(decode([name, word, key, bytes.subarray(0, end)])).where).toBe(kind)
    }
    for (let end = 0; end < word.length; end++) {
      expect(violation(decode([name, word.subarray(0, end), key, bytes])).where).toBe("frame[1]")
    }
  })

  it.each(Object.entries(bodies))(
    "%s with any bits turned is a violation or of its kind",
    (kind, body) => {
      const bytes = pack(body)
      const place = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
      fc.assert(
        fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), (turns) => {
          const turned = bytes.slice()
          for (const [at, bits] of turns) turned[at] = (turned[at] ?? 0) ^ bits
          const decoded = decode([utf8.encode("PDP1"), utf8.encode(kind), id, turned])
          if (Either.isLeft(decoded)) expect(decoded.left._tag).toBe("ProtocolViolation")
          else expect(decoded.right.kind).toBe(kind)
        }),
        { numRuns: 500 }
      )
    }
  )

  it("arbitrary frames are a violation, and never an exception", () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("PDP1", "PDP2", ...Object.keys(bodies)).map((text) => utf8.encode(text))
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), (message) => {
        const decoded = decode(message)
        if (Either.isRight(decoded)) expect(message).toHaveLength(4)
        else expect(decoded.left._tag).toBe("ProtocolViolation")
      }),
      { numRuns: 2_000 }
    )
  })

  it("a message of any other version is told apart from garbage, with its id", () => {
    const wrong = violation(decode(frames("BYE", {}, "PDP2")))
    expect(wrong).toMatchObject({ code: "unsupported-version", where: "frame[0]", id })
    expect(wrong.message).toContain("protocol PDP2 is not supported, only PDP1 is")
  })

  it.each([
    [[], "message: expected 4 frames, got none"],
    [[utf8.encode("PDP1")], "message: expected 4 frames, got 1"],
    [[utf8.encode("HTTP")], 'frame[0]: expected PDP1, got "HTTP"'],
    [[new Uint8Array([0xff, 0])], "frame[0]: expected PDP1, got 0xff00"],
    [frames("SHOUT", {}), 'got "SHOUT"'],
    [frames("toString", {}), 'got "toString"'],
    [
      [...frames("BYE", {}).slice(0, 2), new Uint8Array(33), pack({})],
      "BYE frame[2]: expected an id"
    ],
    [
      [...frames("BYE", {}).slice(0, 2), new Uint8Array(0), pack({})],
      "BYE frame[2]: expected an id"
    ],
    [
      [...frames("BYE", {}).slice(0, 3), new Uint8Array([0xc1])],
      "BYE: the type 0xc1 is not accepted"
    ],
    [frames("BYE", 3), "BYE: Expected"]
  ])("frames are refused with what and where: %$", (message, reason) => {
    expect(violation(decode(message)).message).toContain(reason)
  })
})

it("an answer is no request, and a request is no answer", () => {
  expect(Either.isLeft(Protocol.decodeRequest(frames("READY", answers.READY)))).toBe(true)
  expect(Either.isLeft(Protocol.decodeAnswer(frames("WRITE", requests.WRITE)))).toBe(true)
  expect(Either.isLeft(Protocol.decodeRequest(frames("HEARTBEAT", answers.HEARTBEAT)))).toBe(true)
})

const batch = (samples: ReadonlyArray<Partial<Protocol.Sample>>): Protocol.Batch => ({
  epoch: Epoch.Epoch.make(2),
  seq: 7,
  time: 1_700_000_000_000,
  samples: samples.map((sample) => ({
    index: 0,
    value: 1,
    offsetMillis: 0,
    quality: "good" as const,
    reason: undefined,
    ...sample
  }))
})

describe("telemetry", () => {
  const sampleOf = fc.record({
    index: fc.nat(1_000),
    value: fc.oneof( // The sign of a zero does not travel.
      fc.double({ noNaN: true }).map((value) => value + 0),
      fc.boolean(),
      fc.string(),
      fc.constant(null)
    ),
    offsetMillis: fc.integer({ min: -1_000, max: 1_000 }),
    quality: fc.constantFrom(
      "good" as const,
      "uncertain" as const,
      "stale" as const,
      "bad" as const
    ),
    reason: fc.option(fc.string(), { nil: undefined })
  })

  it("a batch survives the wire", () => {
    fc.assert(fc.property(fc.array(sampleOf, { maxLength: 20 }), (samples) => {
      const telemetry = { device: "p-1", batch: batch(samples) }
      const sent = Either.getOrThrow(Protocol.encodeTelemetry(telemetry))
      expect(Either.getOrThrow(Protocol.decodeTelemetry(sent))).toEqual(telemetry)
    }))
  })

  it("arbitrary frames are a violation, and never an exception", () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constantFrom("PDP1", "PDP2", "p-1").map((text) => utf8.encode(text)),
      fc.anything().map((value) => Either.getOrElse(Codec.msgpack.encode(value), () => id))
    )
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 4 }), (message) => {
        const decoded = Protocol.decodeTelemetry(message)
        if (Either.isLeft(decoded)) expect(decoded.left._tag).toBe("ProtocolViolation")
        else expect(Number.isSafeInteger(decoded.right.batch.seq)).toBe(true)
      }),
      { numRuns: 2_000 }
    )
  })

  it("a version, a device without a name, and a wrong number of frames are told", () => {
    const body = pack(Protocol.batchToWire(batch([])))
    const decode = (...parts: ReadonlyArray<string>) =>
      violation(Protocol.decodeTelemetry([...parts.map((part) => utf8.encode(part)), body])).message
    expect(decode("p-1", "PDP9")).toContain("telemetry[1]: protocol PDP9 is not supported")
    expect(decode("", "PDP1")).toContain("telemetry[0]: expected the device's id")
    expect(decode("PDP1")).toContain("expected 3 frames, got 2")
  })
})

describe("docs/device-protocol.md", () => {
  const document = readFileSync(new URL("../../docs/device-protocol.md", import.meta.url), "utf8")
  const examples = [...document.matchAll(/```hex\n([^`]*)```\n\n```json\n([^`]*)```/g)].map(
    ([, bytes = "", json = ""]) => ({
      message: bytes.trim().split("\n").map((line) =>
        Uint8Array.from(Buffer.from(line.replaceAll(" ", ""), "hex"))
      ),
      text: JSON.parse(json) as ReadonlyArray<unknown>
    })
  )

  it("the examples are the bytes that they are said to be", () => {
    expect(examples).toHaveLength(6)
    for (const { message, text } of examples) {
      const plain = message.map((bytes, index) =>
        index === message.length - 1
          ? Either.getOrThrow(Codec.msgpack.decode(bytes))
          : new TextDecoder().decode(bytes)
      )
      expect(plain).toEqual(text)
    }
  })

  it("the examples are understood", () => {
    const [read, reply, heartbeat, write, error, batch] = examples.map(({ message }) => message)
    expect(Either.isRight(Protocol.decodeRequest(read!))).toBe(true)
    expect(Either.isRight(Protocol.decodeAnswer(reply!))).toBe(true)
    expect(Either.isRight(Protocol.decodeRequest(heartbeat!))).toBe(true)
    expect(Either.isRight(Protocol.decodeRequest(write!))).toBe(true)
    expect(Either.getOrThrow(Protocol.decodeAnswer(error!)).body).toMatchObject({
      code: "duplicate-mismatch"
    })
    expect(Either.getOrThrow(Protocol.decodeTelemetry(batch!)).batch.samples).toHaveLength(3)
  })

  it("every kind and every code is told of", () => {
    const words = [
      ...Protocol.requestKinds,
      ...Protocol.answerKinds,
      ...Protocol.ErrorCode.literals
    ]
    expect(words.filter((word) => !document.includes(`\`${word}\``))).toEqual([])
  })
})
