/** What every store of durable messages promises. */
import { describe, expect, it } from "@effect/vitest"
import { MessageStore, type NewMessage } from "@plantd/actors/MessageStore"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import { Effect, Layer } from "effect"

const address = { type: "Ledger", id: "l-1" }

const message = (messageId: string, given: Partial<NewMessage> = {}): NewMessage => ({
  address,
  messageId,
  tag: "Post",
  payload: `{"amount":1}`,
  at: 1_000,
  ...given
})

const ended = (answer: string, at = 2_000) => ({ answer, at, quarantined: undefined })

/** Checks stores, each promise on one that is new. */
export const messageStoreContract = (
  where: string,
  layer: Layer.Layer<MessageStore | QuarantineStore>
) =>
  describe(`a store of durable messages ${where}`, () => {
    const given = <A, E>(body: (store: typeof MessageStore.Service) => Effect.Effect<A, E>) =>
      Effect.provide(Effect.flatMap(MessageStore, body), Layer.fresh(layer))

    it.effect("gives back what was put, in its order, until it has ended", () =>
      given((store) =>
        Effect.gen(function*() {
          const first = yield* store.put(message("a"))
          const second = yield* store.put(message("b", { payload: '[1,"\\u0000 é"]', at: 7 }))
          yield* store.put(message("a", { address: { type: "Ledger", id: "l-2" } }))
          expect(second.sequence).toBeGreaterThan(first.sequence)
          const { sequence } = second
          expect(yield* store.pending(address, 10)).toEqual([
            { ...message("a"), sequence: first.sequence, attempts: 0 },
            { ...message("b", { payload: '[1,"\\u0000 é"]', at: 7 }), sequence, attempts: 0 }
          ])
          expect(yield* store.pending(address, 1)).toHaveLength(1)
          expect(yield* store.end(first.sequence, ended("[0,1]"))).toBe("[0,1]")
          expect((yield* store.pending(address, 10)).map(({ messageId }) => messageId)).toEqual([
            "b"
          ])
        })
      ))

    it.effect("finds a message by its id, with its answer where it has ended", () =>
      given((store) =>
        Effect.gen(function*() {
          const first = yield* store.put(message("a"))
          const other = yield* store.put(message("a", { payload: "null", tag: "Add" }))
          expect(other).toEqual({ ...first, answer: undefined })
          expect(yield* store.answer(first.sequence)).toBeUndefined()
          yield* store.end(first.sequence, ended("[0,1]"))
          expect(yield* store.put(message("a"))).toEqual({ ...first, answer: "[0,1]" })
          expect(yield* store.answer(first.sequence)).toBe("[0,1]")
        })
      ))

    it.effect("keeps the end that came first", () =>
      given((store) =>
        Effect.gen(function*() {
          const { sequence } = yield* store.put(message("a"))
          yield* store.end(sequence, ended("[0,1]"))
          expect(yield* store.end(sequence, ended("[0,2]"))).toBe("[0,1]")
          expect(yield* store.answer(sequence)).toBe("[0,1]")
        })
      ))

    it.effect("counts attempts, and takes them back", () =>
      given((store) =>
        Effect.gen(function*() {
          const { sequence } = yield* store.put(message("a"))
          yield* store.attempted(sequence, 1)
          yield* store.attempted(sequence, 1)
          yield* store.attempted(sequence, -1)
          expect((yield* store.pending(address, 1))[0]?.attempts).toBe(1)
        })
      ))

    it.effect("puts into quarantine what ends so, once", () =>
      Effect.provide(
        Effect.gen(function*() {
          const store = yield* MessageStore
          const quarantine = yield* QuarantineStore
          const { sequence } = yield* store.put(message("a"))
          const { at, payload, tag } = message("a")
          const entry = { origin: "message", address, name: "a", tag, payload, attempts: 3, at }
          const end = { ...ended("[2,0]"), quarantined: { ...entry, cause: "it broke" } }
          yield* store.end(sequence, end)
          yield* store.end(sequence, end)
          const entries = yield* quarantine.list({ address: undefined, after: 0, limit: 10 })
          expect(entries).toMatchObject([{ ...entry, cause: "it broke", times: 1 }])
        }),
        Layer.fresh(layer)
      ))

    it.effect("names each actor for which there is something, page by page", () =>
      given((store) =>
        Effect.gen(function*() {
          const addresses = [
            { type: "A", id: "2" },
            { type: "A", id: "3" },
            { type: "B", id: "1" }
          ]
          for (const address of addresses) {
            yield* store.put(message("a", { address }))
            yield* store.put(message("b", { address }))
          }
          const done = yield* store.put(message("a"))
          yield* store.end(done.sequence, ended("[0,1]"))
          const first = yield* store.waiting(undefined, 2)
          expect(first).toEqual(addresses.slice(0, 2))
          expect(yield* store.waiting(first[1], 2)).toEqual(addresses.slice(2))
        })
      ))

    it.effect("removes what ended long ago, the oldest first, and nothing else", () =>
      given((store) =>
        Effect.gen(function*() {
          for (const [name, at] of [["a", 10], ["b", 20], ["c", 30]] as const) {
            const { sequence } = yield* store.put(message(name, { at: 0 }))
            yield* store.end(sequence, ended("[0,1]", at))
          }
          const open = yield* store.put(message("open", { at: 0 }))
          expect(yield* store.prune(30, 1)).toBe(1)
          expect((yield* store.put(message("b", { at: 0 }))).answer).toBe("[0,1]")
          expect(yield* store.prune(30, 10)).toBe(1)
          expect(yield* store.prune(30, 10)).toBe(0)
          expect((yield* store.pending(address, 10)).map(({ sequence }) => sequence)).toEqual([
            open.sequence
          ])
          const again = yield* store.put(message("a", { at: 0 }))
          expect(again.answer).toBeUndefined()
          expect(again.sequence).toBeGreaterThan(open.sequence)
        })
      ))
  })
