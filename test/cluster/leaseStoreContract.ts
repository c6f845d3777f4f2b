/** What every store of leases promises. */
import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, type LeaseStoreService } from "@plantd/cluster"
import { inspect } from "node:util"
import { Context, Effect, type Either, Layer, Redacted, type Scope } from "effect"

const node = (name: string, more: object = {}) => ({
  address: `${name}:1`,
  session: name,
  protocols: { oldest: 1, newest: 1 },
  weight: 1,
  shards: 4,
  ...more
})

const short = { ttlMillis: 150 }
const long = { ttlMillis: 60_000 }
const by = (session: string, { ttlMillis } = long, grant = 1) => ({ session, ttlMillis, grant })

/** Waits until a node's lease and those of its shards have run out, by the clock of the store. */
const expired = (store: LeaseStoreService, session: string): Effect.Effect<void, unknown> =>
  Effect.flatMap(store.view, ({ holders, members }) => {
    const left = members.find((member) => member.session === session)?.leaseLeft ?? 0
    if (left > 0) return Effect.delay(expired(store, session), left)
    // The shards were taken a moment after the node had joined.
    return [...holders.values()].includes(session)
      ? Effect.delay(expired(store, session), 5)
      : Effect.void
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
          {
            address: "a:1",
            session: "a",
            protocols: { oldest: 1, newest: 1 },
            weight: 3,
            draining: false
          }
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
        yield* store.release(by("a"), ["s:1"])
        yield* store.release(by("b"), ["s:2"])
        expect(Object.fromEntries((yield* store.view).holders)).toEqual({ "s:2": "a", "s:3": "b" })
        expect([...(yield* store.acquire(by("b"), ["s:1", "s:2"]))]).toEqual(["s:1"])
        yield* store.release(by("b"))
        expect([...(yield* store.view).holders]).toEqual([["s:2", "a"]])
      }))

    promise(
      "leaves to a session what it has acquired after a release that comes late",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), long)
          yield* store.acquire(by("a", long, 1), ["s:1", "s:2", "s:3"])
          yield* store.acquire(by("a", long, 2), ["s:1", "s:2"])
          // This one was made before, and comes later.
          yield* store.acquire(by("a", long, 1), ["s:2"])
          yield* store.release(by("a", long, 1), ["s:1", "s:3"])
          expect([...(yield* store.view).holders.keys()].sort()).toEqual(["s:1", "s:2"])
          yield* store.release(by("a", long, 1))
          expect([...(yield* store.view).holders.keys()].sort()).toEqual(["s:1", "s:2"])
          yield* store.release(by("a", long, 2))
          expect((yield* store.view).holders.size).toBe(0)
        })
    )

    promise(
      "gives what another had with many grants, from its own first one on",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), short)
          yield* store.join(node("b"), long)
          yield* store.acquire(by("a", short, 7), ["s:1"])
          yield* expired(store, "a")
          expect(yield* store.acquire(by("b", long, 1), ["s:1"])).toEqual(["s:1"])
          yield* store.release(by("b", long, 1), ["s:1"])
          expect((yield* store.view).holders.size).toBe(0)
        })
    )

    promise(
      "gives a lease that has run out to another, and never back by itself",
      (store) =>
        Effect.gen(function*() {
          yield* store.join(node("a"), short)
          yield* store.join(node("b"), long)
          yield* store.acquire(by("a", short), ["s:1", "s:2"])
          yield* expired(store, "a")
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

    promise(
      "refuses a node that has no version of the protocol in common with one that is there",
      (store) =>
        Effect.gen(function*() {
          const speaks = (oldest: number, newest: number) => ({ protocols: { oldest, newest } })
          yield* store.join(node("a", speaks(2, 3)), short)
          for (const [ours, name] of [[speaks(4, 5), "newer"], [speaks(1, 1), "older"]] as const) {
            expect(yield* Effect.flip(store.join(node(name, ours), long))).toMatchObject({
              _tag: "ProtocolsDiffer",
              address: "a:1",
              theirs: { oldest: 2, newest: 3 },
              ours: ours.protocols
            })
          }
          yield* expired(store, "a")
          yield* store.join(node("b", speaks(3, 4)), long)
          yield* store.join(node("c", speaks(4, 5)), long)
          const { members } = yield* store.view
          expect(members.find(({ session }) => session === "c")?.protocols).toEqual(
            { oldest: 4, newest: 5 }
          )
        })
    )

    promise("has one secret, which it does not show", (store) =>
      Effect.gen(function*() {
        const [secret, again] = yield* Effect.all([store.secret, store.secret], { concurrency: 2 })
        expect(Redacted.value(secret)).toMatch(/^[\da-f]{64}$/)
        expect(Redacted.value(again)).toBe(Redacted.value(secret))
        expect(inspect(secret) + JSON.stringify(secret)).not.toContain(Redacted.value(secret))
      }))

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

/** Two stores that share one new database. */
export type Pair = Effect.Effect<
  readonly [LeaseStoreService, LeaseStoreService],
  unknown,
  Scope.Scope
>

/** Checks what holds between nodes that write at the same time. */
export const leaseRaceContract = (where: string, pair: Pair) =>
  describe(`two stores of leases ${where}`, () => {
    it.scopedLive("give each shard to one node", () =>
      Effect.gen(function*() {
        const stores = yield* pair
        const shards = Array.from({ length: 64 }, (_, index) => `s:${index}`)
        const taken = yield* Effect.forEach(stores, (store, index) =>
          Effect.gen(function*() {
            const session = `n-${index}`
            yield* store.join(node(session), long)
            const held: Array<string> = []
            for (const shard of shards) {
              held.push(...(yield* store.acquire(by(session), [shard])))
            }
            return held
          }), { concurrency: 2 })
        expect(taken.flat().length).toBe(shards.length)
        expect(new Set(taken.flat()).size).toBe(shards.length)
      }))

    it.scopedLive("have one secret, whoever asks for it first", () =>
      Effect.gen(function*() {
        const secrets = yield* Effect.forEach(yield* pair, ({ secret }) => secret, {
          concurrency: 2
        })
        expect(new Set(secrets.map(Redacted.value)).size).toBe(1)
      }))

    it.scopedLive("give an address to one node, and the cluster one number of shards", () =>
      Effect.gen(function*() {
        const stores = yield* pair
        for (let round = 0; round < 20; round++) {
          const joins = (at: (index: number) => object) =>
            Effect.forEach(
              stores,
              (store, index) =>
                Effect.either(store.join(node(`n-${round}-${index}`, at(index)), long)),
              {
                concurrency: 2
              }
            )
          const tags = (exits: ReadonlyArray<Either.Either<void, { readonly _tag: string }>>) =>
            exits.map((exit) => exit._tag === "Left" ? exit.left._tag : "joined").sort()
          const same = yield* joins(() => ({ address: "a:1" }))
          expect(tags(same)).toEqual(["AddressInUse", "joined"])
          yield* Effect.forEach(stores, (store, index) => store.leave(`n-${round}-${index}`))
          const differ = yield* joins((index) => ({ shards: 4 + index }))
          expect(tags(differ)).toEqual(["ShardsDiffer", "joined"])
          yield* Effect.forEach(stores, (store, index) => store.leave(`n-${round}-${index}`))
        }
      }))

    it.scopedLive("take and keep shards side by side, and none waits for another's lease", () =>
      Effect.gen(function*() {
        const stores = yield* pair
        const shards = Array.from({ length: 256 }, (_, index) => `s:${index}`)
        yield* Effect.forEach(stores, (store, index) =>
          Effect.gen(function*() {
            const session = `n-${index}`
            yield* store.join(node(session), long)
            const order = index === 0 ? shards : shards.toReversed()
            for (let round = 0; round < 40; round++) {
              yield* store.acquire(by(session), order)
              const held = yield* store.renew(by(session))
              yield* store.release(by(session), held.slice(0, 64))
            }
          }), { concurrency: 2 })
        const { holders } = yield* stores[0].view
        expect(holders.size).toBeGreaterThan(0)
      }))
  })
