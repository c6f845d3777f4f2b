/** What every durable store promises. */
import { describe, expect, it } from "@effect/vitest"
import { type Entity, DurableStore } from "@plantd/actors/DurableStore"
import { Fence } from "@plantd/core"
import { Effect, type Layer } from "effect"

const entity = (id: string, name = "state"): Entity => ({
  address: { type: "Valve", id },
  name
})

const claim = (of: Entity, options: { kind?: "state" | "journal"; fence?: number } = {}) =>
  Effect.flatMap(DurableStore, (store) =>
    store.claim({
      entity: of,
      kind: options.kind ?? "state",
      fence: options.fence === undefined ? undefined : Fence.Fence.make(options.fence)
    }))

const set = (of: Entity, { expected, fence, value }: {
  readonly fence: number
  readonly expected: number
  readonly value: string
}) =>
  Effect.flatMap(
    DurableStore,
    (store) =>
      store.write({ entity: of, fence: Fence.Fence.make(fence), expected, value, events: [] })
  )

const append = (of: Entity, { events, expected, fence }: {
  readonly fence: number
  readonly expected: number
  readonly events: ReadonlyArray<string>
}) =>
  Effect.flatMap(DurableStore, (store) =>
    store.write({
      entity: of,
      fence: Fence.Fence.make(fence),
      expected,
      value: undefined,
      events
    }))

const events = (of: Entity, after: number, limit = 100) =>
  Effect.flatMap(DurableStore, (store) => store.events(of, { after, limit }))

/** Checks a store, each promise on one that is new. */
export const durableStoreContract = (where: string, layer: Layer.Layer<DurableStore>) =>
  describe(`a store ${where}`, () => {
    const promise = (sentence: string, test: Effect.Effect<void, unknown, DurableStore>) =>
      it.effect(sentence, () => Effect.provide(test, layer))

    promise(
      "gives each owner a higher fence than the one before",
      Effect.gen(function*() {
        const first = yield* claim(entity("a"))
        const second = yield* claim(entity("a"))
        expect(first).toEqual({ fence: 1, revision: 0, value: undefined })
        expect(second.fence).toBe(2)
        expect((yield* claim(entity("b"))).fence).toBe(1)
        expect((yield* claim(entity("a", "other"))).fence).toBe(1)
      })
    )

    promise(
      "takes a fence that was given where no higher one is stored",
      Effect.gen(function*() {
        expect((yield* claim(entity("a"), { fence: 7 })).fence).toBe(7)
        expect((yield* claim(entity("a"), { fence: 7 })).fence).toBe(7)
        const late = yield* Effect.flip(claim(entity("a"), { fence: 6 }))
        expect(late).toMatchObject({ _tag: "Superseded", ours: 6, stored: 7 })
        expect((yield* claim(entity("a"))).fence).toBe(8)
      })
    )

    promise(
      "keeps what was written last, and counts the writes",
      Effect.gen(function*() {
        yield* claim(entity("a"))
        yield* set(entity("a"), { fence: 1, expected: 0, value: '"x"' })
        yield* set(entity("a"), { fence: 1, expected: 1, value: "\"\\u0000 'é' 😀\"" })
        const store = yield* DurableStore
        const stored = { fence: 1, revision: 2, value: "\"\\u0000 'é' 😀\"" }
        expect(yield* store.read(entity("a"))).toEqual(stored)
        expect(yield* claim(entity("a"))).toEqual({ ...stored, fence: 2 })
        expect(yield* store.read(entity("never"))).toBeUndefined()
      })
    )

    promise(
      "refuses the write of an older owner, and changes nothing",
      Effect.gen(function*() {
        yield* claim(entity("a"))
        yield* claim(entity("a"))
        const late = yield* Effect.flip(set(entity("a"), { fence: 1, expected: 0, value: "1" }))
        expect(late).toMatchObject({ _tag: "Superseded", name: "state", ours: 1, stored: 2 })
        expect((yield* claim(entity("a"))).revision).toBe(0)
      })
    )

    promise(
      "refuses a write that expects another revision, and changes nothing",
      Effect.gen(function*() {
        yield* claim(entity("a"))
        yield* set(entity("a"), { fence: 1, expected: 0, value: "1" })
        const error = yield* Effect.flip(set(entity("a"), { fence: 1, expected: 0, value: "2" }))
        expect(error).toMatchObject({ _tag: "RevisionConflict", expected: 0, stored: 1 })
        expect((yield* claim(entity("a"))).value).toBe("1")
      })
    )

    promise(
      "names the row where a write finds none, and where it was opened as something else",
      Effect.gen(function*() {
        const gone = yield* Effect.flip(set(entity("a"), { fence: 1, expected: 0, value: "1" }))
        expect(gone).toMatchObject({ _tag: "CorruptRow", reason: "it is gone" })
        yield* claim(entity("a"), { kind: "journal" })
        const other = yield* Effect.flip(claim(entity("a"), { kind: "state" }))
        expect(other).toMatchObject({
          _tag: "CorruptRow",
          table: "plantd_actor_entities",
          address: { type: "Valve", id: "a" },
          reason: "it is a journal, opened as a state"
        })
      })
    )

    promise(
      "numbers the events of a journal without a hole, and gives them in pages",
      Effect.gen(function*() {
        const journal = entity("a", "journal")
        yield* claim(journal, { kind: "journal" })
        yield* append(journal, { fence: 1, expected: 0, events: ["1", "2", "3"] })
        yield* append(journal, { fence: 1, expected: 3, events: ["4"] })
        expect(yield* events(journal, 0, 2)).toEqual([
          { sequence: 1, event: "1" },
          { sequence: 2, event: "2" }
        ])
        expect((yield* events(journal, 2)).map(({ event }) => event)).toEqual(["3", "4"])
        expect(yield* claim(journal, { kind: "journal" })).toMatchObject({ revision: 4 })
      })
    )

    promise(
      "appends nothing for an older owner, nor after another event than expected",
      Effect.gen(function*() {
        const journal = entity("a", "journal")
        yield* claim(journal, { kind: "journal" })
        yield* append(journal, { fence: 1, expected: 0, events: ["1"] })
        const conflict = append(journal, { fence: 1, expected: 0, events: ["x"] })
        expect((yield* Effect.flip(conflict))._tag).toBe("RevisionConflict")
        yield* claim(journal, { kind: "journal" })
        const late = append(journal, { fence: 1, expected: 1, events: ["x"] })
        expect((yield* Effect.flip(late))._tag).toBe("Superseded")
        expect(yield* events(journal, 0)).toEqual([{ sequence: 1, event: "1" }])
      })
    )

    promise(
      "keeps the newest snapshot of the newest owner",
      Effect.gen(function*() {
        const store = yield* DurableStore
        const journal = entity("a", "journal")
        const save = (fence: number, sequence: number, state: string) =>
          store.saveSnapshot({ entity: journal, fence: Fence.Fence.make(fence), sequence, state })
        yield* save(1, 1, "never claimed")
        yield* claim(journal, { kind: "journal" })
        expect(yield* store.snapshot(journal)).toBeUndefined()
        yield* save(1, 4, "four")
        yield* save(1, 3, "three, late")
        yield* claim(journal, { kind: "journal" })
        yield* save(1, 9, "of an older owner")
        expect(yield* store.snapshot(journal)).toEqual({ sequence: 4, state: "four" })
        yield* save(2, 5, "five")
        expect(yield* store.snapshot(journal)).toEqual({ sequence: 5, state: "five" })
      })
    )
  })
