import { readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import { Codec } from "@plantd/core"
import { ControlProtocol as Protocol, type Transport } from "@plantd/hardware"
import { Either } from "effect"
import fc from "fast-check"

const utf8 = new TextEncoder()
const id = utf8.encode("r1")

const requests = {
  ASK: { tag: "Read", payload: { device: "p-1" }, timeoutMillis: 2_000, window: 8 },
  MORE: { items: 4 },
  CANCEL: {},
  PING: {}
}
const answers = {
  ANSWER: { success: [1, 2] },
  ITEM: { items: [1, null, { a: 1 }] },
  END: { failure: { _tag: "ActorStopped" } },
  PONG: { protocol: 1, actor: "NodeControl", id: "demo" },
  ERROR: { code: "busy", message: "too much" }
}

type Decode = (frames: Transport.Frames) => Either.Either<
  Protocol.ToNode | Protocol.FromNode,
  Protocol.ProtocolViolation
>

const sides: ReadonlyArray<readonly [string, Record<string, object>, Decode]> = [
  ["message to a node", requests, Protocol.decodeToNode],
  ["message from a node", answers, Protocol.decodeFromNode]
]

const violation = <A>(decoded: Either.Either<A, Protocol.ProtocolViolation>) =>
  Either.getOrThrow(Either.flip(decoded))

describe.each(sides)("a %s", (_, bodies, decode) => {
  it.each(Object.entries(bodies))("%s survives the wire", (kind, body) => {
    const sent = Either.getOrThrow(Protocol.encode(kind as "ASK", id, body))
    expect(Either.getOrThrow(decode(sent))).toEqual({ kind, id, body })
  })

  it.each(Object.entries(bodies))("%s with more fields than known is understood", (kind, body) => {
    const sent = Protocol.encode(kind as "ASK", id, { ...body, future: [1, 2] })
    expect(Either.isRight(decode(Either.getOrThrow(sent)))).toBe(true)
  })

  it.each(Object.keys(bodies))("%s of arbitrary content is a violation or what it says", (kind) => {
    fc.assert(fc.property(fc.anything(), (body) => {
      const packed = Codec.msgpack.encode(body)
      if (Either.isLeft(packed)) return
      const decoded = decode([utf8.encode("PCP1"), utf8.encode(kind), id, packed.right])
      if (Either.isLeft(decoded)) expect(decoded.left.message).not.toBe("")
      else expect(decoded.right.kind).toBe(kind)
    }))
  })

  it("any frames whatever give a result, and of other frames its name is told", () => {
    const frame = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom("PCP1", "PCP2", "PDP1", ...Object.keys(bodies)).map((text) =>
        utf8.encode(text)
      )
    )
    fc.assert(fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
      const decoded = decode(frames)
      if (Either.isRight(decoded)) expect(frames[0]).toEqual(utf8.encode("PCP1"))
    }))
  })

  it("another version is told as such, with the id where one can be read", () => {
    const [, kind, , body] = Either.getOrThrow(Protocol.encode("PING", id, {}))
    const wrong = violation(decode([utf8.encode("PCP2"), kind!, id, body!]))
    expect(wrong).toMatchObject({ code: "unsupported-version", id })
    expect(violation(decode([utf8.encode("PCP2"), kind!, new Uint8Array(), body!])).id)
      .toBeUndefined()
  })
})

it.each([
  ["no frames", [], "frame[0]: expected PCP1, got"],
  ["too few frames", ["PCP1", "ASK", "r1"], "expected 4 frames, got 3"],
  ["a kind of the other side", ["PCP1", "ANSWER", "r1", "\u0080"], "expected one of ASK, MORE"],
  ["an id that is too long", ["PCP1", "PING", "i".repeat(33), "\u0080"], "1 to 32 bytes"]
])("%s is malformed, and it is said what was expected", (_, frames, says) => {
  const wrong = violation(Protocol.decodeToNode(frames.map((text) => utf8.encode(text))))
  expect(wrong).toMatchObject({ code: "malformed" })
  expect(wrong.message).toContain(says)
})

it("a request is bounded in bytes, an answer by its transport alone", () => {
  const body = new Uint8Array(Protocol.requestBytesMax + 1)
  const frames = (kind: string) => [utf8.encode("PCP1"), utf8.encode(kind), id, body]
  expect(violation(Protocol.decodeToNode(frames("ASK"))).detail).toContain("requestBytesMax")
  expect(violation(Protocol.decodeFromNode(frames("ANSWER"))).detail).not.toContain("Max)")
})

it.each([0, -1, Number.NaN, Infinity, Protocol.timeoutMillisMax + 1])(
  "an asker does not wait for %d ms",
  (timeoutMillis) => {
    const sent = Either.getOrThrow(Protocol.encode("ASK", id, { tag: "Node", timeoutMillis }))
    expect(violation(Protocol.decodeToNode(sent)).where).toBe("ASK.timeoutMillis")
  }
)

describe("docs/control-protocol.md", () => {
  const text = readFileSync(new URL("../../docs/control-protocol.md", import.meta.url), "utf8")
  const examples = [...text.matchAll(/```hex\n(.*?)```\n+```json\n(.*?)```/gs)]

  it.each(examples.map(([, hex, json]) => [hex ?? "", json ?? ""]))(
    "an example is, byte by byte, what it says:\n%s",
    (hex, json) => {
      const frames = hex.trim().split("\n").map((line) =>
        Uint8Array.from(Buffer.from(line.replaceAll(" ", ""), "hex"))
      )
      const [name, kind, key, body] = JSON.parse(json) as [string, "ASK", string, object]
      expect(name).toBe(Protocol.protocolName)
      const sent = Either.getOrThrow(Protocol.encode(kind, utf8.encode(key), body))
      expect(sent.map((frame) => [...frame])).toEqual(frames.map((frame) => [...frame]))
    }
  )

  it("has examples", () => {
    expect(examples.length).toBeGreaterThanOrEqual(3)
  })

  it.each([
    ...Object.keys(requests),
    ...Object.keys(answers),
    ...Protocol.ErrorCode.literals.map((code) => `\`${code}\``)
  ])("tells of %s", (word) => {
    expect(text).toContain(word)
  })
})
