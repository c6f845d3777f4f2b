import { SqliteClient } from "@effect/sql-sqlite-node"
import { ReminderStore } from "@plantd/actors/ReminderStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Layer } from "effect"
import { reminderStoreContract } from "./reminderStoreContract.ts"

reminderStoreContract("in memory", ReminderStore.layerMemory)
reminderStoreContract(
  "on SQLite",
  Layer.orDie(
    Layer.provide(SqlReminderStore.layer, SqliteClient.layer({ filename: ":memory:" }))
  )
)
