/** What every store of reminders, and the quarantine with it, promises. */
import { describe, expect, it } from "@effect/vitest"
import { QuarantineStore } from "@plantd/actors/QuarantineStore"
import {
  type NewReminder,
  ReminderStore,
  type ReminderStoreService,
  type StoredReminder
} from "@plantd/actors/ReminderStore"
import { Effect, Layer } from "effect"

const address = { type: "Pump", id: "p-1" }

const reminder = (given: Partial<NewReminder> = {}): NewReminder => ({
  address,
  name: "n",
  tag: "Check",
  payload: "null",
  dueAt: 1_000,
  periodMillis: undefined,
  ticksLeft: undefined,
  expiresAt: undefined,
  ...given
})

const entry = {
  origin: "reminder",
  address,
  name: "n",
  tag: "Check",
  payload: "null",
  attempts: 5,
  cause: "it broke",
  at: 9_000
}

const put = (store: ReminderStoreService, given: Partial<NewReminder> = {}) =>
  store.set(reminder(given), { overwrite: false })

const only = (store: ReminderStoreService) =>
  Effect.map(store.earliest(1), ([row]) => row as StoredReminder)

/** Checks stores, each promise on ones that are new. */
export const reminderStoreContract = (
  where: string,
  layer: Layer.Layer<ReminderStore | QuarantineStore>
) =>
  describe(`a store of reminders and its quarantine ${where}`, () => {
    const given = <A, E>(
      body: (
        reminders: typeof ReminderStore.Service,
        quarantine: typeof QuarantineStore.Service
      ) => Effect.Effect<A, E>
    ) =>
      Effect.provide(
        Effect.flatMap(Effect.all([ReminderStore, QuarantineStore]), ([a, b]) => body(a, b)),
        Layer.fresh(layer)
      )

    it.effect("gives back what was set, with everything that it has", () =>
      given((store) =>
        Effect.gen(function*() {
          const full = reminder({ periodMillis: 2_000, ticksLeft: 3, expiresAt: 60_000 })
          yield* store.set(full, { overwrite: false })
          const start = { id: 1, attempts: 0, refusals: 0, attemptAt: 1_000 }
          expect(yield* only(store)).toEqual({ ...full, ...start })
          yield* store.set(reminder(), { overwrite: true })
          expect(yield* only(store)).toEqual({ ...reminder(), ...start, id: 2 })
        })
      ))

    it.effect("one of the same name is refused, and one that replaces it is another one", () =>
      given((store) =>
        Effect.gen(function*() {
          yield* put(store)
          const old = yield* only(store)
          const error = yield* Effect.flip(put(store, { dueAt: 5 }))
          expect(error).toMatchObject({ _tag: "ReminderExists", address, name: "n", dueAt: 1_000 })
          expect(yield* only(store)).toEqual(old)
          yield* store.set(reminder(), { overwrite: true })
          expect(yield* store.begin(old)).toBe(false)
          expect(yield* store.settle(old, { next: undefined, quarantined: entry })).toBe(false)
          expect(yield* store.list({ address, after: 0, limit: 9 })).toMatchObject([{
            attempts: 0
          }])
        })
      ))

    it.effect("an identity is not given twice, not even after all were cancelled", () =>
      given((store) =>
        Effect.gen(function*() {
          yield* put(store)
          const { id } = yield* only(store)
          expect(yield* store.cancel({ address, name: "n" })).toBe(true)
          expect(yield* store.cancel({ address, name: "n" })).toBe(false)
          yield* put(store)
          expect((yield* only(store)).id).toBeGreaterThan(id)
        })
      ))

    it.effect("the earliest come first, then those set first", () =>
      given((store) =>
        Effect.gen(function*() {
          for (const [name, dueAt] of [["a", 3], ["b", 1], ["c", 2], ["d", 1]] as const) {
            yield* put(store, { name, dueAt })
          }
          expect((yield* store.earliest(3)).map(({ name }) => name)).toEqual(["b", "d", "c"])
          const rows = yield* store.list({ address: undefined, after: 1, limit: 2 })
          expect(rows.map(({ name }) => name)).toEqual(["b", "c"])
          expect(yield* store.list({ address: { type: "Pump", id: "x" }, after: 0, limit: 2 }))
            .toEqual([])
        })
      ))

    it.effect("an attempt is counted where the reminder is as it was read, and only there", () =>
      given((store) =>
        Effect.gen(function*() {
          yield* put(store)
          const read = yield* only(store)
          expect(yield* store.begin(read)).toBe(true)
          expect(yield* store.begin(read)).toBe(false)
          const begun = yield* only(store)
          expect(begun).toEqual({ ...read, attempts: 1 })
          const next = { dueAt: 3_000, ticksLeft: 2, attempts: 0, refusals: 4, attemptAt: 4_000 }
          expect(yield* store.settle(read, { next, quarantined: undefined })).toBe(false)
          expect(yield* store.settle(begun, { next, quarantined: undefined })).toBe(true)
          expect(yield* only(store)).toEqual({ ...read, ...next })
        })
      ))

    it.effect("a tick is given up and quarantined in one step, or neither", () =>
      given((store, quarantine) =>
        Effect.gen(function*() {
          yield* put(store)
          const read = yield* only(store)
          const settlement = { next: undefined, quarantined: entry }
          expect(yield* store.settle({ ...read, attempts: 1 }, settlement)).toBe(false)
          expect(yield* quarantine.read(1)).toBeUndefined()
          expect(yield* store.settle(read, settlement)).toBe(true)
          expect(yield* store.earliest(1)).toEqual([])
          expect(yield* quarantine.read(1)).toEqual({ ...entry, id: 1, times: 1, firstAt: 9_000 })
        })
      ))

    it.effect("a row that cannot be read goes into quarantine", () =>
      given((store, quarantine) =>
        Effect.gen(function*() {
          yield* put(store)
          const { address, id, name, payload, tag } = yield* only(store)
          const row = { address, id, name, payload, tag, reason: "torn" }
          expect(yield* store.expel(row, entry)).toBe(true)
          expect(yield* store.earliest(1)).toEqual([])
          expect(yield* quarantine.list({ address, after: 0, limit: 9 })).toHaveLength(1)
        })
      ))

    it.effect("the same message is in quarantine once, another one beside it", () =>
      given((store, quarantine) =>
        Effect.gen(function*() {
          const add = (given: Partial<typeof entry>) =>
            Effect.gen(function*() {
              yield* put(store)
              const row = yield* only(store)
              yield* store.settle(row, { next: undefined, quarantined: { ...entry, ...given } })
            })
          yield* add({})
          yield* add({ cause: "again", attempts: 2, at: 10_000 })
          yield* add({ payload: "7" })
          yield* add({ tag: "Stop" })
          const all = yield* quarantine.list({ address: undefined, after: 0, limit: 9 })
          const again = { cause: "again", attempts: 7, times: 2, firstAt: 9_000, at: 10_000 }
          expect(all).toMatchObject([again, { payload: "7", times: 1 }, { tag: "Stop", times: 1 }])
          expect(yield* quarantine.list({ address, after: 1, limit: 1 })).toEqual([all[1]])
          yield* quarantine.attempted(2, { cause: "retried", at: 11_000 })
          expect(yield* quarantine.read(2)).toMatchObject({ attempts: 6, cause: "retried" })
          expect(yield* quarantine.remove(2)).toBe(true)
          expect(yield* quarantine.remove(2)).toBe(false)
          expect(yield* quarantine.attempted(2, { cause: "", at: 0 })).toBeFalsy()
        })
      ))
  })
