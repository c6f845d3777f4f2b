/** The store of devices in memory: for tests, and for simulations of several nodes on one store. */
import type { ActorAddress, DurableError } from "@plantd/actors"
import { Fence } from "@plantd/core"
import { Effect } from "effect"
import { begin, type CommandRecord, isSettled, settle } from "../CommandJournal.ts"
import type {
  DeviceStoreService,
  Holder,
  OutOfService,
  StoredAlarm,
  StoredLease
} from "../DeviceStore.ts"
import { storable, superseded } from "./storable.ts"

/** The most bytes that one write may have; the same as of a store on SQL. */
export const valueBytesMax = 1_048_576

interface Entry {
  fence: Fence.Fence
  lease: StoredLease | undefined
  outOfService: OutOfService | undefined
  readonly alarms: Map<string, StoredAlarm>
  readonly commands: Map<string, CommandRecord>
}

/** A store without a device. */
export const makeMemoryStore = (): DeviceStoreService => {
  const devices = new Map<string, Entry>()
  const entryOf: Entries = (device) => {
    const key = JSON.stringify([device.type, device.id])
    const known = devices.get(key)
    if (known !== undefined) return known
    const entry: Entry = {
      fence: Fence.none,
      lease: undefined,
      outOfService: undefined,
      alarms: new Map(),
      commands: new Map()
    }
    devices.set(key, entry)
    return entry
  }
  const store = { claim: claimOf(entryOf), ...journalOf(entryOf), ...marksOf(entryOf) }
  return storable(store, valueBytesMax)
}

type Entries = (device: ActorAddress.ActorAddress) => Entry

const writer =
  (entryOf: Entries) =>
  <A>(holder: Holder, change: (entry: Entry) => A): Effect.Effect<A, DurableError.Superseded> =>
    Effect.suspend(() => {
      const entry = entryOf(holder.device)
      return Fence.admits(entry.fence, holder.fence)
        ? Effect.succeed(change(entry))
        : Effect.fail(superseded(holder.device, holder.fence, entry.fence))
    })

const claimOf = (entryOf: Entries): DeviceStoreService["claim"] => (device, { fence }) =>
  Effect.suspend(() => {
    const entry = entryOf(device)
    const next = fence ?? Fence.Fence.make(entry.fence + 1)
    if (!Fence.admits(entry.fence, next)) {
      return Effect.fail(superseded(device, next, entry.fence))
    }
    entry.fence = next
    return Effect.succeed({
      fence: next,
      lease: entry.lease,
      outOfService: entry.outOfService,
      alarms: [...entry.alarms.values()],
      unsettled: [...entry.commands.values()].filter(({ state }) => !isSettled(state))
    })
  })

const journalOf = (
  entryOf: Entries
): Pick<DeviceStoreService, "intend" | "sent" | "settle" | "find" | "history" | "forget"> => {
  const write = writer(entryOf)
  return {
    intend: (holder, intent) =>
      write(holder, ({ commands }) => {
        const known = commands.get(intent.commandId)
        if (known === undefined) commands.set(intent.commandId, begin(intent, holder.fence))
        return known
      }),
    sent: (holder, { commandId, sentAt }) =>
      write(holder, ({ commands }) => {
        const known = commands.get(commandId)
        if (known !== undefined) commands.set(commandId, { ...known, sentAt })
      }),
    settle: (holder, commandId, settlement) =>
      write(holder, ({ commands }) => {
        const known = commands.get(commandId)
        if (known !== undefined) commands.set(commandId, settle(known, settlement))
      }),
    find: (device, commandId) => Effect.sync(() => entryOf(device).commands.get(commandId)),
    history: (device, { before, limit }) =>
      Effect.sync(() => {
        const newest = [...entryOf(device).commands.values()].reverse()
        if (before === undefined) return newest.slice(0, limit)
        const last = newest.findIndex(({ commandId }) => commandId === before)
        return last < 0 ? [] : newest.slice(last + 1, last + 1 + limit)
      }),
    forget: (holder, retention) => write(holder, ({ commands }) => forget(commands, retention))
  }
}

const marksOf = (
  entryOf: Entries
): Pick<DeviceStoreService, "saveAlarms" | "saveLease" | "saveOutOfService"> => {
  const write = writer(entryOf)
  return {
    saveAlarms: (holder, alarms) =>
      write(holder, (entry) => {
        for (const stored of alarms) entry.alarms.set(stored.alarm, stored)
      }),
    saveLease: (holder, lease) =>
      write(holder, (entry) => {
        entry.lease = lease
      }),
    saveOutOfService: (holder, outOfService) =>
      write(holder, (entry) => {
        entry.outOfService = outOfService
      })
  }
}

const forget = (
  commands: Map<string, CommandRecord>,
  retention: { readonly before: number; readonly keep: number }
): number => {
  const finished = [...commands.values()].filter(({ state }) => isSettled(state)).reverse()
  const gone = finished.filter((record, index) =>
    index >= retention.keep || (record.outcomeAt ?? record.intentAt) < retention.before
  )
  for (const { commandId } of gone) commands.delete(commandId)
  return gone.length
}
