import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Context, Effect, Layer } from "effect"

const on = (filename: string) =>
  Effect.map(
    Layer.build(Layer.provide(SqlLeaseStore.layer, SqliteClient.layer({ filename }))),
    Context.get(LeaseStore)
  )

it.scopedLive("two connections to one file give each shard to one of them", () =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const filename = `${yield* files.makeTempDirectoryScoped()}/leases.db`
    const stores = yield* Effect.all([on(filename), on(filename)], { concurrency: 2 })
    const shards = Array.from({ length: 64 }, (_, index) => `s:${index}`)
    const ttl = { ttlMillis: 60_000 }
    const taken = yield* Effect.forEach(stores, (store, index) =>
      Effect.gen(function*() {
        const session = `n-${index}`
        yield* store.join(
          { address: `${session}:1`, session, version: "1", weight: 1, shards: 64 },
          ttl
        )
        const held: Array<string> = []
        for (const shard of shards) {
          held.push(...(yield* store.acquire({ session, ...ttl }, [shard])))
        }
        return held
      }), { concurrency: 2 })
    expect(taken.flat().length).toBe(shards.length)
    expect(new Set(taken.flat()).size).toBe(shards.length)
  }).pipe(Effect.provide(NodeContext.layer)))
