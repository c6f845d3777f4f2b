/** What the quarantine promises, whatever its store is. */
import { describe, expect, it } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import * as Quarantine from "@plantd/actors/Quarantine"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import { ReminderStore } from "@plantd/actors/ReminderStore"
import * as Rpc from "@effect/rpc/Rpc"
import { Effect, Fiber, Layer, Schema, TestClock } from "effect"
import { p1, poison, Pump, run, until } from "./reminding.ts"

/** Puts a message into quarantine, as a reminder does; gives its id. */
const quarantined = (given: { readonly tag?: string; readonly payload?: string; type?: string }) =>
  Effect.gen(function*() {
    const { payload = '{"depth":1}', tag = "Calibrate", type = "Pump" } = given
    const store = yield* ReminderStore
    const address = { ...p1, type }
    const once = { periodMillis: undefined, ticksLeft: undefined, expiresAt: undefined }
    // Due in a year: nothing but this test settles it.
    const due = { dueAt: 31_536_000_000, ...once }
    yield* store.set({ address, name: "n", tag, payload, ...due }, { overwrite: true })
    const [row] = yield* store.earliest(1)
    if (row === undefined || "reason" in row) return yield* Effect.dieMessage("it is not set")
    const about = { origin: "reminder", address, name: "n", tag, payload }
    const entry = { ...about, attempts: 5, cause: "it broke", at: 0 }
    yield* store.settle(row, { next: undefined, quarantined: entry })
    const all = yield* Quarantine.list()
    return all.at(-1)?.id ?? 0
  })

/** Checks the quarantine on stores, each promise on ones that are new. */
export const quarantineContract = (
  where: string,
  stores: Layer.Layer<ReminderStore | QuarantineStore>
) =>
  describe(`Quarantine ${where}`, () => {
    const live = run(Layer.fresh(stores))

    it.effect("a message whose retry is handled is gone", () =>
      live((told) =>
        Effect.gen(function*() {
          const id = yield* quarantined({})
          yield* Quarantine.retry(id)
          expect(told).toEqual(["0 s: calibrate 1"])
          expect(yield* Quarantine.list()).toEqual([])
          expect(yield* Effect.flip(Quarantine.retry(id))).toMatchObject({
            _tag: "NotQuarantined",
            id
          })
        })
      ))

    it.effect("one whose handler answers with its declared error was handled", () =>
      live((told) =>
        Effect.gen(function*() {
          yield* Quarantine.retry(yield* quarantined({ tag: "Check", payload: "null" }))
          expect(told).toEqual(["0 s: check"])
          expect(yield* Quarantine.list()).toEqual([])
        })
      ))

    it.effect("one that crashes its actor again stays, with one more attempt and a new cause", () =>
      live((told) =>
        Effect.gen(function*() {
          const id = yield* quarantined({ payload: `{"depth":${poison}}` })
          yield* TestClock.adjust("5 seconds")
          const error = yield* Effect.flip(Quarantine.retry(id))
          expect(error).toMatchObject({ _tag: "RetryFailed", id, reason: "attempted" })
          expect(told).toHaveLength(1)
          const [entry] = yield* Quarantine.list()
          expect(entry).toMatchObject({ id, attempts: 6, times: 1, firstAt: 0, at: 5_000 })
          expect(entry?.cause).toContain("the probe broke")
        })
      ))

    it.effect("one that gets no answer within the time of the retry stays", () =>
      live((told) =>
        Effect.gen(function*() {
          const id = yield* quarantined({ tag: "Hang", payload: "null" })
          const retry = yield* Effect.fork(
            Effect.flip(Quarantine.retry(id, { timeout: "2 seconds" }))
          )
          yield* until(Effect.sync(() => told.length), (count) => count > 0)
          yield* TestClock.adjust("2 seconds")
          expect(yield* Fiber.join(retry)).toMatchObject({ reason: "attempted" })
          expect(yield* Quarantine.list()).toMatchObject([{ attempts: 6 }])
        })
      ))

    it.effect("one that reaches no handler, or cannot be read, stays as it is", () =>
      live((told) =>
        Effect.gen(function*() {
          const cases = [
            [{ type: "Valve" }, "refused", "no actor type Valve is registered"],
            [{ tag: "Gone" }, "unreadable", "Pump has no message Gone"],
            [{ tag: "Watch", payload: "null" }, "unreadable", "answers Watch with a stream"],
            [{ payload: '{"depth":"deep"}' }, "unreadable", 'Expected number, actual "deep"'],
            [{ payload: "{" }, "unreadable", "JSON"]
          ] as const
          for (const [message, reason, cause] of cases) {
            const id = yield* quarantined(message)
            const error = yield* Effect.flip(Quarantine.retry(id))
            expect(error).toMatchObject({ _tag: "RetryFailed", reason })
            expect(error.message).toContain(cause)
            const [entry] = yield* Quarantine.list({ after: id - 1, limit: 1 })
            expect(entry).toMatchObject({ id, attempts: 5, cause: "it broke" })
          }
          expect(told).toEqual([])
        })
      ))

    it.effect("one that is retried twice at once is handled once", () =>
      live((told) =>
        Effect.gen(function*() {
          const id = yield* quarantined({})
          const retry = Effect.either(Quarantine.retry(id))
          const [first, second] = yield* Effect.all([retry, retry], { concurrency: 2 })
          expect(first._tag).toBe("Right")
          expect(second).toMatchObject({ left: { _tag: "NotQuarantined" } })
          expect(told).toHaveLength(1)
        })
      ))

    it.effect("one that is discarded is gone for good, once", () =>
      live((told) =>
        Effect.gen(function*() {
          const id = yield* quarantined({})
          yield* Quarantine.discard(id)
          expect(yield* Effect.flip(Quarantine.discard(id))).toMatchObject({
            _tag: "NotQuarantined"
          })
          expect([told, yield* Quarantine.list()]).toEqual([[], []])
        })
      ))

    it.effect("an error of another actor that a handler answers with is an answer", () =>
      live(() =>
        Effect.gen(function*() {
          const Relay = Actor.make("Relay", [Rpc.make("Pass", { error: Schema.Unknown })])
          yield* Layer.build(Relay.toLayer(
            Effect.map(Pump.client, (pump) => ({
              Pass: () => pump("p-1").Calibrate({ depth: poison })
            }))
          ))
          yield* Quarantine.retry(
            yield* quarantined({ type: "Relay", tag: "Pass", payload: "null" })
          )
          expect(yield* Quarantine.list()).toEqual([])
        })
      ))

    it.effect("a page has at most so many, of all actors or of one", () =>
      live(() =>
        Effect.gen(function*() {
          const { list } = yield* QuarantineStore
          const a = yield* quarantined({})
          const b = yield* quarantined({ type: "Valve" })
          const ids = (page: ReadonlyArray<Quarantine.Entry>) => page.map(({ id }) => id)
          expect(ids(yield* Quarantine.list({ limit: 1 }))).toEqual([a])
          expect(ids(yield* Quarantine.list({ after: a }))).toEqual([b])
          expect(ids(yield* Quarantine.list({ address: p1 }))).toEqual([a])
          expect(ids(yield* list({ address: undefined, after: 0, limit: 9 }))).toEqual([a, b])
        })
      ))
  })
