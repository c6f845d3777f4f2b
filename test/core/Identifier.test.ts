import { describe, expect, it } from "@effect/vitest"
import { Identifier } from "@plantd/core"
import { Either, Schema } from "effect"
import * as fc from "fast-check"

const guards: Record<string, (text: unknown) => boolean> = {
  ActorId: Schema.is(Identifier.ActorId),
  DeviceId: Schema.is(Identifier.DeviceId),
  NodeId: Schema.is(Identifier.NodeId),
  CommandId: Schema.is(Identifier.CommandId),
  SessionId: Schema.is(Identifier.SessionId)
}

const longest = "x".repeat(Identifier.identifierLengthMax)

describe("Identifier", () => {
  it.each(["a", "7", "pump-1", "plant.north:tank/2", "a_b", longest])("%s is one", (text) => {
    expect(Identifier.isIdentifier(text)).toBe(true)
  })

  it.each(["", "-a", ".a", "/a", "a b", "ä", "a\n", "a\u0000", "a*", `${longest}x`])(
    "%j is none",
    (text) => {
      expect(Identifier.isIdentifier(text)).toBe(false)
    }
  )

  it.each(Object.entries(guards))("%s accepts what isIdentifier accepts", (_name, is) => {
    const accepted = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,20}$/)
    fc.assert(fc.property(fc.oneof(fc.string(), accepted), (text) => {
      expect(is(text)).toBe(Identifier.isIdentifier(text))
    }))
  })

  it("a refusal says what is expected", () => {
    const result = Schema.decodeUnknownEither(Identifier.DeviceId)("pump 1")
    expect(String(Either.getLeft(result))).toContain("expected 1 to 128 characters")
  })
})
