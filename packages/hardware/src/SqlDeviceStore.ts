/**
 * The store of devices on SQLite or PostgreSQL, through whichever `SqlClient` is provided: that of
 * `SqlDurableStore`, or another. Fences, intents, outcomes, alarms, leases and marks are synced
 * before they are acknowledged; that a command was sent is synced with the next of these. The
 * writes of all devices share transactions. The same tests show its promises on both.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { DurableError } from "@plantd/actors"
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Effect, Layer, type Scope } from "effect"
import { DeviceStore, type DeviceStoreService } from "./DeviceStore.ts"
import { deviceMigrations } from "./internal/deviceSql.ts"
import { sqlDevicesOf } from "./internal/sqlDevices.ts"
import { storable } from "./internal/storable.ts"

/** What keeps a store from opening. */
export type OpenError = DurableError.SchemaTooNew | DurableError.StoreUnavailable

/** A store with these settings, on the database of the `SqlClient`; its tables are made. */
export const make = (
  settings: Partial<SqlStorage.Settings> = {}
): Effect.Effect<DeviceStoreService, OpenError, SqlClient | Scope.Scope> =>
  Effect.map(
    SqlStorage.open({ name: "SqlDeviceStore", migrations: deviceMigrations, settings }),
    (storage) => storable(sqlDevicesOf(storage), storage.settings.valueBytesMax)
  )

/** A store with these settings. */
export const layerWith = (
  settings: Partial<SqlStorage.Settings>
): Layer.Layer<DeviceStore, OpenError, SqlClient> => Layer.scoped(DeviceStore, make(settings))

/** A store with the default settings: acknowledged means synced. */
export const layer: Layer.Layer<DeviceStore, OpenError, SqlClient> = Layer.suspend(() =>
  layerWith({})
)
