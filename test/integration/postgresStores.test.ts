/** What the stores promise, on a real PostgreSQL server. */
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { SqlLeaseStore } from "@plantd/cluster"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import type { SqlClient } from "@effect/sql/SqlClient"
import { Layer } from "effect"
import { durableStoreContract } from "../actors/durableStoreContract.ts"
import { quarantineContract } from "../actors/quarantineContract.ts"
import { reminderStoreContract } from "../actors/reminderStoreContract.ts"
import { leaseStoreContract } from "../cluster/leaseStoreContract.ts"
import { deviceStoreContract } from "../hardware/deviceStoreContract.ts"
import { postgresOfFile } from "./postgres.ts"

const { client } = postgresOfFile()

const on = <A, E>(store: Layer.Layer<A, E, SqlClient>): Layer.Layer<A> =>
  Layer.orDie(Layer.provide(store, Layer.fresh(client)))

leaseStoreContract("on PostgreSQL", on(SqlLeaseStore.layer))
durableStoreContract("on PostgreSQL", on(SqlDurableStore.layer))
reminderStoreContract("on PostgreSQL", on(SqlReminderStore.layer))
quarantineContract("on PostgreSQL", on(SqlReminderStore.layer))
deviceStoreContract("on PostgreSQL", on(SqlDeviceStore.layer))
