import { SqliteClient } from "@effect/sql-sqlite-node"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Layer } from "effect"
import { messageStoreContract } from "./messageStoreContract.ts"
import { inMemory } from "./messaging.ts"

messageStoreContract("in memory", inMemory)
messageStoreContract(
  "on SQLite",
  Layer.merge(SqlMessageStore.layer, SqlReminderStore.layer).pipe(
    Layer.provide(SqliteClient.layer({ filename: ":memory:" })),
    Layer.orDie
  )
)
