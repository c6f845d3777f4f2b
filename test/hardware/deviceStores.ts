/** What the tests of stores of devices share: stores on SQLite, and what is written to them. */
import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import type { Settings } from "@plantd/actors/SqlStorage"
import { Fence, Identifier } from "@plantd/core"
import type { CommandJournal, DeviceStoreService } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer } from "effect"
import { tappedClient } from "../actors/durable.ts"

/** The device of these tests. */
export const device = { type: "Pump", id: "p-1" }

/** A store on a file, and the client that it writes with. */
export const onFile = (filename: string, settings: Partial<Settings> = {}) =>
  SqlDeviceStore.layerWith(settings).pipe(
    Layer.provideMerge(SqliteClient.layer({ filename })),
    Layer.orDie
  )

/** A store in a database in memory, and the client that it writes with. */
export const inMemory = onFile(":memory:")

/** A store with a tap between it and its database. */
export const tapped = (filename: string, settings: Partial<Settings> = {}) =>
  Effect.gen(function*() {
    const { client, sql, tap } = yield* tappedClient(filename)
    const store = yield* SqlDeviceStore.make(settings).pipe(
      Effect.provideService(SqlClient, client)
    )
    tap.texts.length = 0
    return { sql, store, tap }
  })

/** Who holds the device by a fence. */
export const holding = (fence: number) => ({ device, fence: Fence.Fence.make(fence) })

/** Claims the device, and gives who holds it then. */
export const claim = (store: DeviceStoreService, fence?: number) =>
  Effect.map(
    store.claim(device, { fence: fence === undefined ? undefined : Fence.Fence.make(fence) }),
    (claimed) => ({ holder: { device, fence: claimed.fence }, claimed })
  )

/** What is intended, by default to prime a pump. */
export const intent = (
  id: string,
  more: Partial<CommandJournal.Intent> = {}
): CommandJournal.Intent => ({
  commandId: Identifier.CommandId.make(id),
  name: "prime",
  args: '{"seconds":3}',
  effect: "pulse",
  intentAt: 1_000,
  ...more
})

/** Every way to write for a holder, by its name. */
export const writesOf = (store: DeviceStoreService, holder: ReturnType<typeof holding>) => ({
  claim: store.claim(device, { fence: holder.fence }),
  intend: store.intend(holder, intent("new")),
  sent: store.sent(holder, { commandId: "c-1", sentAt: 9_000 }),
  settle: store.settle(holder, "c-1", { state: "failed", outcomeAt: 9_000 }),
  forget: store.forget(holder, { before: Infinity, keep: 0 }),
  saveAlarms: store.saveAlarms(holder, [{ alarm: "flow.high", value: "late" }]),
  "saveAlarms, of none": store.saveAlarms(holder, []),
  saveLease: store.saveLease(holder, { session: "late", expiresAt: 1 }),
  "saveLease, of nobody": store.saveLease(holder, undefined),
  saveOutOfService: store.saveOutOfService(holder, { by: "late", reason: "late", at: 1 }),
  "saveOutOfService, to end it": store.saveOutOfService(holder, undefined)
})

/** All that is stored of the device, as it can be asked for. */
export const contents = (store: DeviceStoreService) =>
  Effect.gen(function*() {
    const { claimed } = yield* claim(store)
    const alarms = claimed.alarms.toSorted((a, b) => (a.alarm < b.alarm ? -1 : 1))
    const history = yield* store.history(device, { limit: 1_000 })
    return { ...claimed, alarms, history }
  })
