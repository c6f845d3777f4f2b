/**
 * What the store of devices does on a database: each call is one write that shares its commit. It
 * is one file, since each of them looks at the fence in the same way.
 */
import type { ActorAddress, DurableError } from "@plantd/actors"
import { execute, type Row, type Storage } from "@plantd/actors/SqlStorage"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Fence } from "@plantd/core"
import { Effect, Either, Exit } from "effect"
import { type CommandRecord, type Intent, isSettled, type Settlement } from "../CommandJournal.ts"
import type { Claimed, DeviceStoreService, Holder } from "../DeviceStore.ts"
import { alarmOf, deviceOf, integer, recordOf, recordsOf } from "./deviceRows.ts"
import { type DeviceStatements, deviceStatementsOf, forgetStep } from "./deviceSql.ts"
import { bytesOf, superseded } from "./storable.ts"

type Address = ActorAddress.ActorAddress
type Refusal = DurableError.Superseded | DurableError.CorruptRow

/** The store on a database whose tables are made. */
export const sqlDevicesOf = (storage: Storage): DeviceStoreService => {
  const statements = deviceStatementsOf(storage.dialect)
  return {
    claim: claimOf(storage, statements),
    ...intentsOf(storage, statements),
    ...journalOf(storage, statements),
    ...marksOf(storage, statements)
  }
}

const keyOf = ({ id, type }: Address): readonly [string, string] => [type, id]

/** The fence of a row; one that cannot be one admits nobody. */
const fenceOf = (row: Row): Fence.Fence => {
  const fence = Number(integer(row["fence"]))
  return Fence.Fence.make(
    Number.isSafeInteger(fence) ? Math.max(0, fence) : Number.MAX_SAFE_INTEGER
  )
}

/** Statements of one transaction. */
interface Transaction {
  readonly connection: Connection
  readonly statements: DeviceStatements
}

/** Why a statement changed no row: another one holds the device, or else `otherwise`. */
const refusal = <A, E>(
  { connection, statements }: Transaction,
  { device, fence }: Holder,
  otherwise: Effect.Effect<Exit.Exit<A, E>, SqlError>
): Effect.Effect<Exit.Exit<A, E | DurableError.Superseded>, SqlError> =>
  Effect.flatMap(
    execute(connection, statements.fence, keyOf(device)),
    ([row]): Effect.Effect<Exit.Exit<A, E | DurableError.Superseded>, SqlError> => {
      const stored = row === undefined ? Fence.none : fenceOf(row)
      return stored > fence
        ? Effect.succeed(Exit.fail(superseded(device, fence, stored)))
        : otherwise
    }
  )

const claimOf = (
  storage: Storage,
  statements: DeviceStatements
): DeviceStoreService["claim"] =>
(device, { fence }) =>
  storage.write<Claimed, Refusal>({
    bytes: 0,
    run: (connection) =>
      Effect.gen(function*() {
        const key = keyOf(device)
        const [row] = yield* fence === undefined
          ? execute(connection, statements.claimNext, key)
          : execute(connection, statements.claimAs, [...key, fence])
        if (row === undefined) {
          const ours = { device, fence: fence ?? Fence.none }
          const gone = Effect.succeed(Exit.die("a claim wrote no row, and nothing was in its way"))
          return yield* refusal({ connection, statements }, ours, gone)
        }
        const alarms = yield* execute(connection, statements.alarms, key)
        const unsettled = yield* execute(connection, statements.unsettled, key)
        return exitOf(claimed(device, row, { alarms, unsettled }))
      })
  })

const claimed = (
  device: Address,
  row: Row,
  { alarms, unsettled }: {
    readonly alarms: ReadonlyArray<Row>
    readonly unsettled: ReadonlyArray<Row>
  }
): Either.Either<Claimed, DurableError.CorruptRow> =>
  Either.flatMap(
    deviceOf(device, row),
    (stored) =>
      Either.map(recordsOf(device, unsettled), (records) => ({
        ...stored,
        alarms: alarms.map(alarmOf),
        unsettled: records
      }))
  )

const exitOf = <A, E>(either: Either.Either<A, E>): Exit.Exit<A, E> =>
  Either.match(either, { onLeft: Exit.fail, onRight: Exit.succeed })

const intentsOf = (
  storage: Storage,
  statements: DeviceStatements
): Pick<DeviceStoreService, "intend"> => ({
  intend: (holder, intent) =>
    storage.write<CommandRecord | undefined, Refusal>({
      bytes: bytesOf(intent.args),
      // To read again does no harm: what can be done twice must be known after a loss of power.
      synced: intent.effect !== "read",
      run: (connection) =>
        Effect.flatMap(
          execute(connection, statements.intend, intentParameters(holder, intent)),
          (rows) =>
            rows.length > 0
              ? Effect.succeed(Exit.succeed(undefined))
              : refusal(
                { connection, statements },
                holder,
                known({ connection, statements }, holder.device, intent.commandId)
              )
        )
    })
})

const intentParameters = (
  { device, fence }: Holder,
  { args, commandId, effect, epoch, intentAt, name, session }: Intent
): ReadonlyArray<unknown> => [
  ...keyOf(device),
  ...keyOf(device),
  commandId,
  name,
  args,
  effect,
  session ?? null,
  fence,
  epoch ?? null,
  intentAt,
  fence
]

const known = (
  { connection, statements }: Transaction,
  device: Address,
  commandId: string
): Effect.Effect<Exit.Exit<CommandRecord | undefined, DurableError.CorruptRow>, SqlError> =>
  Effect.map(
    execute(connection, statements.find, [...keyOf(device), commandId]),
    ([row]) => row === undefined ? Exit.succeed(undefined) : exitOf(recordOf(device, row))
  )

const journalOf = (
  storage: Storage,
  statements: DeviceStatements
): Pick<DeviceStoreService, "sent" | "settle" | "find" | "history" | "forget"> => {
  const forget = (
    holder: Holder,
    parameters: ReadonlyArray<unknown>,
    forgotten: number
  ): ReturnType<DeviceStoreService["forget"]> =>
    Effect.flatMap(
      write({ storage, statements }, holder, {
        bytes: 0,
        synced: false,
        statement: "forget",
        parameters
      }),
      (rows) =>
        rows < forgetStep
          ? Effect.succeed(forgotten + rows)
          : forget(holder, parameters, forgotten + rows)
    )
  return {
    sent: (holder, { commandId, sentAt }) =>
      Effect.asVoid(write({ storage, statements }, holder, {
        bytes: 0,
        synced: false,
        statement: "sent",
        parameters: [
          ...keyOf(holder.device),
          sentAt,
          ...keyOf(holder.device),
          commandId,
          holder.fence
        ]
      })),
    settle: (holder, commandId, settlement) =>
      Effect.asVoid(write({ storage, statements }, holder, {
        bytes: bytesOf(settlement.result, settlement.detail),
        synced: true,
        statement: "settle",
        parameters: settleParameters(holder, commandId, settlement)
      })),
    find: (device, commandId) =>
      Effect.flatMap(
        storage.read(statements.find, [...keyOf(device), commandId]),
        ([row]): Either.Either<CommandRecord | undefined, DurableError.CorruptRow> =>
          row === undefined ? Either.right(undefined) : recordOf(device, row)
      ),
    history: (device, { before, limit }) => {
      const key = keyOf(device)
      const rows = before === undefined
        ? storage.read(statements.newest, [...key, limit])
        : storage.read(statements.newestBefore, [...key, ...key, before, limit])
      return Effect.flatMap(rows, (read) => recordsOf(device, read))
    },
    forget: (holder, { before, keep }) => {
      const { device, fence } = holder
      const key = keyOf(device)
      const [time, kept] = [integerOf(Math.ceil(before)), integerOf(keep)]
      return forget(holder, [...key, ...key, time, ...key, kept, fence], 0)
    }
  }
}

/** PostgreSQL knows no integer that has no end. */
const integerOf = (value: number): number =>
  Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER))

const settleParameters = (
  { device, fence }: Holder,
  commandId: string,
  { detail, outcomeAt, result, sentAt, settledBy, state }: Settlement
): ReadonlyArray<unknown> => [
  ...keyOf(device),
  state,
  isSettled(state) ? 1 : 0,
  detail ?? null,
  result ?? null,
  settledBy ?? null,
  sentAt ?? null,
  outcomeAt,
  ...keyOf(device),
  commandId,
  fence
]

const marksOf = (
  storage: Storage,
  statements: DeviceStatements
): Pick<DeviceStoreService, "saveAlarms" | "saveLease" | "saveOutOfService"> => {
  const save = (
    holder: Holder,
    statement: "saveAlarms" | "lease" | "outOfService",
    parameters: ReadonlyArray<unknown>,
    bytes = 0
  ) =>
    Effect.asVoid(
      write({ storage, statements }, holder, { bytes, synced: true, statement, parameters })
    )
  return {
    saveAlarms: (holder, alarms) => {
      const key = keyOf(holder.device)
      // A statement cannot write one row twice.
      const newest = new Map(alarms.map(({ alarm, value }) => [alarm, value]))
      const rows = JSON.stringify([...newest])
      const parameters = [rows, ...key, ...key, holder.fence]
      return save(holder, "saveAlarms", parameters, bytesOf(rows))
    },
    saveLease: (holder, lease) =>
      save(holder, "lease", [
        ...keyOf(holder.device),
        lease?.session ?? null,
        lease?.expiresAt ?? null,
        holder.fence
      ]),
    saveOutOfService: (holder, mark) =>
      save(holder, "outOfService", [
        ...keyOf(holder.device),
        mark?.by ?? null,
        mark?.reason ?? null,
        mark?.at ?? null,
        holder.fence
      ])
  }
}

/** Runs one statement, and gives how many rows it changed; none where its writer is too old. */
const write = (
  { statements, storage }: { readonly storage: Storage; readonly statements: DeviceStatements },
  holder: Holder,
  { bytes, parameters, statement, synced }: {
    readonly bytes: number
    readonly synced: boolean
    readonly statement: "sent" | "settle" | "forget" | "saveAlarms" | "lease" | "outOfService"
    readonly parameters: ReadonlyArray<unknown>
  }
): Effect.Effect<number, DurableError.Superseded | DurableError.StoreUnavailable> =>
  storage.write<number, DurableError.Superseded>({
    bytes,
    synced,
    run: (connection) =>
      Effect.flatMap(
        execute(connection, statements[statement], parameters),
        (rows) =>
          rows.length > 0
            ? Effect.succeed(Exit.succeed(rows.length))
            : refusal({ connection, statements }, holder, Effect.succeed(Exit.succeed(0)))
      )
  })
