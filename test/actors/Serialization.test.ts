import { describe, expect, it } from "@effect/vitest"
import { Rpc } from "@effect/rpc"
import { Actor, ActorError, ActorSystem } from "@plantd/actors"
import { Effect, Layer, Schema } from "effect"

class TooDeep extends Schema.TaggedError<TooDeep>()("TooDeep", { metres: Schema.Number }) {}

const Gauge = Actor.make("Gauge", [
  Rpc.make("Measure", {
    payload: { at: Schema.DateFromSelf, depth: Schema.Number.pipe(Schema.between(0, 10)) },
    success: Schema.Number.pipe(Schema.nonNegative()),
    error: TooDeep
  }),
  Rpc.make("Mark", { payload: { note: Schema.String }, success: Schema.String })
])

let marks = 0

const GaugeLive = Gauge.toLayer({
  Measure: ({ depth }) =>
    depth > 9 ? Effect.fail(new TooDeep({ metres: depth })) : Effect.succeed(depth - 5),
  Mark: ({ note }) => {
    marks++
    return Effect.succeed(note)
  }
})

const running = Layer.provideMerge(
  GaugeLive,
  ActorSystem.layerWith({ serialization: "round-trip" })
)

const at = new Date(0)

describe("with the serialization round-trip", () => {
  it.effect("a message and its answer arrive as over a wire, a typed error as itself", () =>
    Effect.gen(function*() {
      const gauge = (yield* Gauge.client)("g")
      expect(yield* gauge.Measure({ at, depth: 8 })).toBe(3)
      const error = yield* Effect.flip(gauge.Measure({ at, depth: 9.5 }))
      expect(error).toStrictEqual(new TooDeep({ metres: 9.5 }))
    }).pipe(Effect.provide(running)))

  it.effect("a message that cannot be decoded is refused with its field, and never handled", () =>
    Effect.gen(function*() {
      const gauge = (yield* Gauge.client)("g")
      const ask = yield* Effect.flip(gauge.Measure({ at, depth: 11 }))
      expect(ask).toBeInstanceOf(ActorError.MessageInvalid)
      expect(ask.message).toContain("it was not sent")
      expect(ask.message).toContain("depth")
      marks = 0
      const wrong = { note: 7 as unknown as string }
      const tell = yield* Effect.flip(gauge.Mark(wrong, { discard: true }))
      expect(tell).toMatchObject({ _tag: "MessageInvalid", part: "payload" })
      yield* gauge.Mark({ note: "fine" }, { discard: true })
      expect(yield* gauge.Mark({ note: "last" })).toBe("last")
      expect(marks).toBe(2)
    }).pipe(Effect.provide(running)))

  it.effect("an answer that does not fit its schema is told apart: the message was handled", () =>
    Effect.gen(function*() {
      const gauge = (yield* Gauge.client)("g")
      const error = yield* Effect.flip(gauge.Measure({ at, depth: 2 }))
      expect(error).toMatchObject({ _tag: "MessageInvalid", part: "answer", tag: "Measure" })
    }).pipe(Effect.provide(running)))
})
