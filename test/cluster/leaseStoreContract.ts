/** What every store of leases promises. */
import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, type LeaseStoreService } from "@plantd/cluster"
import { Context, Effect, Layer } from "effect"

const node = (name: string, more: object = {}) => ({
  address: `${name}:1`,
  session: name,
  version: "1",
  weight: 1,
  shards: 4,
  ...more
})

const short = { ttlMillis: 150 }
const long = { ttlMillis: 60_000 }
const by = (session: string, { ttlMillis } = long) => ({ session, ttlMillis })

/** Waits until a node's lease has run out, by the clock of the store. */
const expired = (store: LeaseStoreService, session: string): Effect.Effect<void, unknown> =>
  Effect.flatMap(store.view, ({ members }) => {
    const left = members.find((member) => member.session === session)?.leaseLeft ?? 0
    return left <= 0 ? Effect.void : Effect.delay(expired(store, session), left)
  })

/** Checks a store, each promise on one that is new. */
export const leaseStoreContract = (where: string, layer: Layer.Layer<LeaseStore>) =>
  describe(`a store of leases ${where}`, () => {
    const promise = (
      sentence: string,
      body: (store: LeaseStoreService) => Effect.Effect<void, unknown>
    ) =>
      it.scopedLive(
        sentence,
        () =>
          Effect.flatMap(Layer.build(layer), (context) => body(Context.get(context, LeaseStore)))
      )

    promise("knows who is a member, and for how long", (store) =>
      Effect.gen(function*() {
        yield* store.join(node("a", { weight: 3 }), long)
        const { holders, members } = yield* store.view
        expect(holders.size).toBe(0)
        expect(members).toMatchObject([
          { address: "a:1", session: "a", version: "1", weight: 3, draining: false }
        ])
        expect(members[0]?.leaseLeft).toBeGreaterThan(50_000)
        expect(members[0]?.leaseLeft).toBeLessThanOrEqual(60_000)
      }))

    promise("gives a shard to one at a time", (store) =>
      Effect.gen(function*() {
        yield* store.join(node("a"), long)
        yield* store.join(node("b"), long)
        expect(yield* store.acquire(by("a"), ["s:1", "s:2"])).toEqual(["s:1", "s:2"])
        expect(yield* store.acquire(by("b"), ["s:1", "s:2", "s:3"])).toEqual(["s:3"])
        expect([...(yield* store.renew(by("a")))].sort()).toEqual(["s:1", "s:2"])
        yield* store.release("a", ["s:1"])
        yield* store.release("b", ["s:2"])
        expect(Object.fromEntries((yield* store.view).holders)).toEqual({ "s:2": "a", "s:3": "b" })
        expect([...(yield* store.acquire(by("b"), ["s:1", "s:2"]))]).toEqual(["s:1"])
        yield* store.release("b")
        expect([...(yield* store.view).holders]).toEqual([["s:2", "a"]])
      }))

    promise(
      "gives a lease that has run out to another, and never back by itself",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), short)
          yield* store.join(node("b"), long)
          yield* store.acquire(by("a", short), ["s:1", "s:2"])
          yield* expired(store, "a")
          yield* Effect.delay(Effect.void, 5)
          expect((yield* store.view).holders.size).toBe(0)
          expect(yield* store.renew(by("a"))).toEqual([])
          expect(yield* store.acquire(by("b"), ["s:1"])).toEqual(["s:1"])
          expect(yield* store.acquire(by("a"), ["s:1", "s:2"])).toEqual(["s:2"])
        })
    )

    promise(
      "refuses a second node under an address, until the first one's lease is over",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), short)
          const other = node("b", { address: "a:1" })
          const error = yield* Effect.flip(store.join(other, long))
          expect(error).toMatchObject({ _tag: "AddressInUse", address: "a:1" })
          yield* expired(store, "a")
          yield* store.join(other, long)
          expect((yield* store.view).members.map(({ session }) => session)).toEqual(["b"])
          expect(yield* Effect.flip(store.renew(by("a")))).toMatchObject({ _tag: "LeaseLost" })
        })
    )

    promise(
      "refuses another number of shards, while a node of the first one is there",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), short)
          const error = yield* Effect.flip(store.join(node("b", { shards: 8 }), long))
          expect(error).toMatchObject({ _tag: "ShardsDiffer", shards: 8, stored: 4 })
          yield* expired(store, "a")
          yield* store.join(node("b", { shards: 8 }), long)
        })
    )

    promise("marks who drains, and forgets who leaves", (store) =>
      Effect.gen(function*() {
        yield* store.join(node("a"), long)
        yield* store.acquire(by("a"), ["s:1"])
        expect(yield* store.drain("nobody:1")).toBe(false)
        expect(yield* store.drain("a:1")).toBe(true)
        expect((yield* store.view).members[0]?.draining).toBe(true)
        yield* store.leave("a")
        const { holders, members } = yield* store.view
        expect([members.length, holders.size]).toEqual([0, 0])
      }))
  })
