import { SqliteClient } from "@effect/sql-sqlite-node"
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
