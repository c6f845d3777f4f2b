import { SqliteClient } from "@effect/sql-sqlite-node"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { Layer } from "effect"
import { leaseStoreContract } from "./leaseStoreContract.ts"

leaseStoreContract("in memory", LeaseStore.layerMemory)
leaseStoreContract(
  "on SQLite",
  Layer.orDie(Layer.provide(SqlLeaseStore.layer, SqliteClient.layer({ filename: ":memory:" })))
)
