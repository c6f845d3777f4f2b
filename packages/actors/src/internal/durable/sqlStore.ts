/** What the durable store does on a database: batches of writes, and reads. */
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { Fence } from "@plantd/core"
import { Effect, Either, Exit } from "effect"
import {
  CorruptRow,
  RevisionConflict,
  type StoreUnavailable,
  Superseded
} from "../../DurableError.ts"
import type {
  ClaimRequest,
  DurableStoreService,
  Entity,
  SnapshotRequest,
  Stored,
  StoredEvent,
  WriteRequest
} from "../../DurableStore.ts"
import {
  claimRows,
  eventRows,
  keyParameters,
  snapshotRows,
  type Statements,
  statementsOf,
  tables,
  writeRows
} from "./durableSql.ts"
import { entityKey } from "./entityKey.ts"
import { bytesIn } from "./jsonText.ts"
import { type Database, execute, query, type Row, transact } from "../sql/transaction.ts"

/** One thing to be written. */
export type Op =
  | { readonly _tag: "Claim"; readonly request: ClaimRequest }
  | { readonly _tag: "Write"; readonly request: WriteRequest }
  | { readonly _tag: "Snapshot"; readonly request: SnapshotRequest }

/** What can be wrong with one of them, whatever becomes of its neighbours. */
export type OpError = Superseded | RevisionConflict | CorruptRow

type OpExit = Exit.Exit<Stored | undefined, OpError>

/** Claims and writes of one entity exclude each other from a batch; its snapshots do not. */
export const keyOf = ({ _tag, request }: Op): string =>
  _tag === "Snapshot" ? `\u0000${entityKey(request.entity)}` : entityKey(request.entity)

/** The bytes of JSON that an operation has. */
export const bytesOf = ({ _tag, request }: Op): number => {
  if (_tag === "Claim") return 0
  if (_tag === "Snapshot") return bytesIn(request.state)
  const value = request.value === undefined ? 0 : bytesIn(request.value)
  return request.events.reduce((sum, event) => sum + bytesIn(event), value)
}

/** Writes a batch in one transaction: one statement for each kind of operation that is in it. */
export const commitOf = (database: Database) => {
  const statements = statementsOf(database.dialect)
  return (ops: ReadonlyArray<Op>): Effect.Effect<ReadonlyArray<OpExit>, StoreUnavailable> =>
    transact(database, {
      synced: true,
      body: (connection) => runBatch(connection, statements, ops)
    })
}

const runBatch = (
  connection: Connection,
  statements: Statements,
  ops: ReadonlyArray<Op>
): Effect.Effect<ReadonlyArray<OpExit>, SqlError> =>
  Effect.gen(function*() {
    const work = new Work(connection, statements)
    const [claims, writes, snapshots] = sorted(ops)
    const stored = claims.length === 0 ? none : yield* work.claim(claims)
    const written = writes.length === 0 ? none : yield* work.write(writes)
    if (snapshots.length > 0) {
      yield* execute(connection, statements.saveSnapshot, [snapshotRows(snapshots)])
    }
    const exits: Array<OpExit> = []
    for (const op of ops) {
      const row = op._tag === "Claim" ? stored.get(keyOf(op)) : written.get(keyOf(op))
      if (op._tag === "Snapshot") exits.push(Exit.void as OpExit)
      else if (row === undefined) exits.push(yield* work.refusal(op))
      else exits.push(op._tag === "Claim" ? exitOf(op.request, row) : (Exit.void as OpExit))
    }
    return exits
  })

const none: ReadonlyMap<string, Row> = new Map()

const sorted = (ops: ReadonlyArray<Op>) => {
  const claims: Array<ClaimRequest> = []
  const writes: Array<WriteRequest> = []
  const snapshots: Array<SnapshotRequest> = []
  for (const op of ops) {
    if (op._tag === "Claim") claims.push(op.request)
    else if (op._tag === "Write") writes.push(op.request)
    else snapshots.push(op.request)
  }
  return [claims, writes, snapshots] as const
}

/** The statements of one transaction. */
class Work {
  private readonly connection: Connection
  private readonly statements: Statements

  constructor(connection: Connection, statements: Statements) {
    this.connection = connection
    this.statements = statements
  }

  /** The rows that were claimed, by key. */
  claim(requests: ReadonlyArray<ClaimRequest>) {
    return Effect.gen(this, function*() {
      const next = requests.filter(({ fence }) => fence === undefined)
      const as = requests.filter(({ fence }) => fence !== undefined)
      const rows: Array<Row> = []
      if (next.length > 0) rows.push(...(yield* this.run("claimNext", claimRows(next))))
      if (as.length > 0) rows.push(...(yield* this.run("claimAs", claimRows(as))))
      return byKey(rows)
    })
  }

  /** The rows that were written, by key; the events of those alone are appended. */
  write(requests: ReadonlyArray<WriteRequest>) {
    return Effect.gen(this, function*() {
      const rows = byKey(yield* this.run("write", writeRows(requests)))
      const appended = requests.filter(({ entity, events }) =>
        events.length > 0 && rows.has(entityKey(entity))
      )
      if (appended.length > 0) yield* this.run("append", eventRows(appended))
      return rows
    })
  }

  /** Why an operation found no row that fits. */
  refusal(op: Exclude<Op, { _tag: "Snapshot" }>): Effect.Effect<OpExit, SqlError> {
    const { entity } = op.request
    const read = execute(this.connection, this.statements.read, keyParameters(entity))
    return Effect.map(read, ([row]) => {
      if (row === undefined) return corrupt(entity, "it is gone")
      return Either.match(storedOf(entity, row), {
        onLeft: (error) => Exit.fail(error),
        onRight: (stored) =>
          op._tag === "Claim"
            ? claimRefused(op.request, stored, row)
            : writeRefused(op.request, stored)
      })
    })
  }

  private run(statement: keyof Statements, rows: string) {
    return execute(this.connection, this.statements[statement], [rows])
  }
}

const byKey = (rows: ReadonlyArray<Row>): ReadonlyMap<string, Row> =>
  new Map(rows.map((row) => {
    const address = { type: String(row["actor_type"]), id: String(row["actor_id"]) }
    return [entityKey({ address, name: String(row["name"]) }), row]
  }))

const corrupt = (entity: Entity, reason: string): OpExit =>
  Exit.fail(new CorruptRow({ table: tables.entities, ...entity, reason }))

const exitOf = ({ entity }: ClaimRequest, row: Row): OpExit =>
  Either.match(storedOf(entity, row), {
    onLeft: (error) => Exit.fail(error),
    onRight: (stored) => Exit.succeed(stored)
  })

const claimRefused = ({ entity, fence, kind }: ClaimRequest, stored: Stored, row: Row): OpExit =>
  row["kind"] === kind
    ? Exit.fail(new Superseded({ ...entity, ours: fence ?? Fence.none, stored: stored.fence }))
    : corrupt(entity, `it is a ${String(row["kind"])}, opened as a ${kind}`)

const writeRefused = ({ entity, expected, fence }: WriteRequest, stored: Stored): OpExit =>
  stored.fence === fence
    ? Exit.fail(new RevisionConflict({ ...entity, expected, stored: stored.revision }))
    : Exit.fail(new Superseded({ ...entity, ours: fence, stored: stored.fence }))

/** Reads a row of the entities; drivers give large integers as text. */
const storedOf = (entity: Entity, row: Row): Either.Either<Stored, CorruptRow> => {
  const [fence, revision] = [Number(row["fence"]), Number(row["revision"])]
  const value = row["value"] ?? undefined
  const problem = !Number.isSafeInteger(fence) || fence < 0
    ? `fence is ${String(row["fence"])}`
    : !Number.isSafeInteger(revision) || revision < 0
    ? `revision is ${String(row["revision"])}`
    : value !== undefined && typeof value !== "string"
    ? `value is a ${typeof value}`
    : undefined
  if (problem !== undefined) {
    return Either.left(new CorruptRow({ table: tables.entities, ...entity, reason: problem }))
  }
  return Either.right({
    fence: Fence.Fence.make(fence),
    revision,
    value: value as string | undefined
  })
}

/** The reads of a store. */
export const readsOf = (
  database: Database
): Pick<DurableStoreService, "read" | "events" | "snapshot"> => {
  const statements = statementsOf(database.dialect)
  return {
    read: (entity) =>
      Effect.flatMap(
        query(database, statements.read, keyParameters(entity)),
        ([row]): Effect.Effect<Stored | undefined, CorruptRow> =>
          row === undefined ? Effect.succeed(undefined) : storedOf(entity, row)
      ),
    events: (entity, { after, limit }) =>
      Effect.map(
        query(database, statements.events, [...keyParameters(entity), after, limit]),
        (rows) => rows.map(eventOf)
      ),
    snapshot: (entity) =>
      Effect.map(
        query(database, statements.snapshot, keyParameters(entity)),
        ([row]) =>
          row === undefined
            ? undefined
            : { sequence: Number(row["sequence"]), state: String(row["state"]) }
      )
  }
}

const eventOf = (row: Row): StoredEvent => ({
  sequence: Number(row["sequence"]),
  event: String(row["event"])
})
