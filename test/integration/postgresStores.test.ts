/** What the stores promise, on a real PostgreSQL server. */
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Context, Effect, Layer } from "effect"
import { durableStoreContract } from "../actors/durableStoreContract.ts"
import { messageStoreContract } from "../actors/messageStoreContract.ts"
import { quarantineContract } from "../actors/quarantineContract.ts"
import { reminderStoreContract } from "../actors/reminderStoreContract.ts"
import { leaseRaceContract, leaseStoreContract } from "../cluster/leaseStoreContract.ts"
import { deviceStoreContract } from "../hardware/deviceStoreContract.ts"
import { postgresOfFile } from "./postgres.ts"
import { clientOf } from "./storage.ts"

const { client, database } = postgresOfFile()

const on = <A, E>(store: Layer.Layer<A, E, SqlClient>): Layer.Layer<A> =>
  Layer.orDie(Layer.provide(store, Layer.fresh(client)))

leaseStoreContract("on PostgreSQL", on(SqlLeaseStore.layer))
const leasesOn = (url: string) =>
  Effect.map(
    Layer.build(Layer.provide(SqlLeaseStore.layer, clientOf(url))),
    Context.get(LeaseStore)
  )

leaseRaceContract(
  "on PostgreSQL",
  Effect.flatMap(database, (url) => Effect.all([leasesOn(url), leasesOn(url)], { concurrency: 2 }))
)
durableStoreContract("on PostgreSQL", on(SqlDurableStore.layer))
reminderStoreContract("on PostgreSQL", on(SqlReminderStore.layer))
quarantineContract("on PostgreSQL", on(SqlReminderStore.layer))
messageStoreContract(
  "on PostgreSQL",
  // One after the other: both make the tables of the quarantine.
  on(Layer.provideMerge(SqlMessageStore.layer, SqlReminderStore.layer))
)
deviceStoreContract("on PostgreSQL", on(SqlDeviceStore.layer))
