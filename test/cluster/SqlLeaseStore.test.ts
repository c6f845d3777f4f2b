import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Context, Effect, Layer } from "effect"
import { databaseFile } from "../actors/durable.ts"
import { leaseRaceContract } from "./leaseStoreContract.ts"

const on = (filename: string) =>
  Effect.map(
    Layer.build(Layer.provide(SqlLeaseStore.layer, SqliteClient.layer({ filename }))),
    Context.get(LeaseStore)
  )

leaseRaceContract(
  "on one file",
  Effect.flatMap(databaseFile, (file) => Effect.all([on(file), on(file)], { concurrency: 2 }))
)

it.scopedLive.each(["", "a1", "a1 zz".padEnd(64, "z"), "A".repeat(64)])(
  "a secret that is none is refused: %s",
  (secret) =>
    Effect.gen(function*() {
      const client = SqliteClient.layer({ filename: ":memory:" })
      const context = yield* Layer.build(Layer.provideMerge(SqlLeaseStore.layer, client))
      const sql = Context.get(context, SqlClient)
      yield* sql`INSERT INTO plantd_cluster_secrets (id, secret) VALUES (1, ${secret})`
      const error = yield* Effect.flip(Context.get(context, LeaseStore).secret)
      expect(error.message).toContain("plantd_cluster_secrets has no row")
      if (secret !== "") expect(error.message).not.toContain(secret)
    })
)
