/** Reminders and quarantine in memory, with the rules of the real ones. */
import { Effect } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { Entry, NewEntry, QuarantineStoreService } from "../../QuarantineStore.ts"
import { ReminderExists } from "../../ReminderError.ts"
import type {
  NewReminder,
  ReminderStoreService,
  Settlement,
  StoredReminder
} from "../../ReminderStore.ts"
import { entityKey } from "../durable/entityKey.ts"

/** Two empty stores; what they are told is acknowledged at once. */
export const makeMemoryReminders = (
  valueBytesMax: number
): { readonly reminders: ReminderStoreService; readonly quarantine: QuarantineStoreService } => {
  const quarantine = new MemoryQuarantine()
  const rows = new Rows(quarantine)
  return {
    reminders: {
      valueBytesMax,
      set: (reminder, { overwrite }) => Effect.suspend(() => rows.set(reminder, overwrite)),
      cancel: (key) => Effect.sync(() => rows.byKey.delete(entityKey(key))),
      list: (page) => Effect.sync(() => pageOf([...rows.byKey.values()], page)),
      earliest: (limit) => Effect.sync(() => rows.earliest(limit)),
      begin: (reminder) =>
        Effect.sync(() => rows.put(reminder, { ...reminder, attempts: reminder.attempts + 1 })),
      settle: (reminder, settlement) => Effect.sync(() => rows.settle(reminder, settlement)),
      expel: ({ address, name }, entry) =>
        Effect.sync(() => {
          quarantine.add(entry)
          return rows.byKey.delete(entityKey({ address, name }))
        })
    },
    quarantine: {
      add: (entry) => Effect.sync(() => quarantine.add(entry)),
      list: (page) => Effect.sync(() => pageOf([...quarantine.byId.values()], page)),
      read: (id) => Effect.sync(() => quarantine.byId.get(id)),
      attempted: (id, attempt) => Effect.sync(() => quarantine.attempted(id, attempt)),
      remove: (id) => Effect.sync(() => quarantine.byId.delete(id))
    }
  }
}

interface Listed {
  readonly id: number
  readonly address: ActorAddress
}

const pageOf = <A extends Listed>(
  all: ReadonlyArray<A>,
  { address, after, limit }: {
    readonly address: ActorAddress | undefined
    readonly after: number
    readonly limit: number
  }
): ReadonlyArray<A> =>
  all
    .filter((row) =>
      row.id > after
      && (address === undefined
        || (row.address.type === address.type && row.address.id === address.id))
    )
    .sort((a, b) => a.id - b.id)
    .slice(0, limit)

class Rows {
  readonly byKey = new Map<string, StoredReminder>()
  private readonly quarantine: MemoryQuarantine
  private last = 0

  constructor(quarantine: MemoryQuarantine) {
    this.quarantine = quarantine
  }

  set(reminder: NewReminder, overwrite: boolean): Effect.Effect<void, ReminderExists> {
    const key = entityKey(reminder)
    const found = this.byKey.get(key)
    if (found !== undefined && !overwrite) {
      const { address, name } = reminder
      return Effect.fail(new ReminderExists({ address, name, dueAt: found.dueAt }))
    }
    const start = { attempts: 0, refusals: 0, attemptAt: reminder.dueAt }
    this.byKey.set(key, { ...reminder, ...start, id: ++this.last })
    return Effect.void
  }

  earliest(limit: number): ReadonlyArray<StoredReminder> {
    return [...this.byKey.values()]
      .sort((a, b) => a.attemptAt - b.attemptAt || a.id - b.id)
      .slice(0, limit)
  }

  /** Replaces a row that is as it was read. */
  put(was: StoredReminder, becomes: StoredReminder | undefined): boolean {
    const key = entityKey(was)
    const found = this.byKey.get(key)
    const same = found !== undefined && found.id === was.id && found.dueAt === was.dueAt
      && found.attempts === was.attempts && found.attemptAt === was.attemptAt
    if (!same) return false
    if (becomes === undefined) this.byKey.delete(key)
    else this.byKey.set(key, becomes)
    return true
  }

  settle(reminder: StoredReminder, { next, quarantined }: Settlement): boolean {
    const becomes = next === undefined ? undefined : { ...reminder, ...next }
    if (!this.put(reminder, becomes)) return false
    if (quarantined !== undefined) this.quarantine.add(quarantined)
    return true
  }
}

class MemoryQuarantine {
  readonly byId = new Map<number, Entry>()
  private last = 0

  add(entry: NewEntry): void {
    const same = [...this.byId.values()].find((other) => sameMessage(other, entry))
    if (same === undefined) {
      const id = ++this.last
      this.byId.set(id, { ...entry, id, times: 1, firstAt: entry.at })
      return
    }
    const { at, attempts, cause } = entry
    const times = same.times + 1
    this.byId.set(same.id, { ...same, at, cause, times, attempts: same.attempts + attempts })
  }

  attempted(id: number, attempt: { readonly cause: string; readonly at: number }): void {
    const entry = this.byId.get(id)
    if (entry === undefined) return
    this.byId.set(id, { ...entry, ...attempt, attempts: entry.attempts + 1 })
  }
}

const sameMessage = (a: NewEntry, b: NewEntry): boolean =>
  a.origin === b.origin && entityKey(a) === entityKey(b) && a.tag === b.tag
  && a.payload === b.payload
