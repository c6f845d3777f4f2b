/**
 * The store of leases on SQLite, for nodes of one machine, or on PostgreSQL. There what a node may
 * rely on is synced to the disk: a server that crashes may be up again before a lease has run out.
 * On SQLite a loss of power takes the nodes too.
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import type { SqlError } from "@effect/sql/SqlError"
import { DurableError } from "@plantd/actors"
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Effect, Exit, Layer, Redacted, type Scope } from "effect"
import {
  AddressInUse,
  LeaseLost,
  type Protocols,
  ProtocolsDiffer,
  ShardsDiffer
} from "./ClusterError.ts"
import { isSecret, newSecret } from "./internal/clusterSecret.ts"
import { type LeaseStatements, leaseStatementsOf, leaseMigrations } from "./internal/leaseSql.ts"
import { haveCommon } from "./internal/protocols.ts"
import {
  type Joining,
  LeaseStore,
  type LeaseStoreService,
  type Member,
  type RefusedError
} from "./LeaseStore.ts"

/** What keeps a store from opening. */
export type OpenError = DurableError.SchemaTooNew | DurableError.StoreUnavailable

/** As `SqlStorage.defaults`, but 1 s to write: a lease that is renewed later has mostly ended. */
export const defaults: SqlStorage.Settings = { ...SqlStorage.defaults, writeTimeout: "1 second" }

/** A store with these settings, on the database of the `SqlClient`; its tables are made. */
export const make = (
  settings: Partial<SqlStorage.Settings> = {}
): Effect.Effect<LeaseStoreService, OpenError, SqlClient | Scope.Scope> =>
  Effect.map(
    SqlStorage.open({
      name: "SqlLeaseStore",
      migrations: leaseMigrations,
      settings: { ...defaults, ...settings }
    }),
    storeOn
  )

/** A store with these settings. */
export const layerWith = (
  settings: Partial<SqlStorage.Settings>
): Layer.Layer<LeaseStore, OpenError, SqlClient> => Layer.scoped(LeaseStore, make(settings))

/** A store with the default settings. */
export const layer: Layer.Layer<LeaseStore, OpenError, SqlClient> = Layer.suspend(() =>
  layerWith({})
)

type Run<A, E = never> = (connection: Connection) => Effect.Effect<Exit.Exit<A, E>, SqlError>

const storeOn = (storage: SqlStorage.Storage): LeaseStoreService => {
  const statements = leaseStatementsOf(storage.dialect)
  const synced = storage.dialect.name !== "sqlite"
  const write = <A, E = never>(run: Run<A, E>) => storage.write<A, E>({ bytes: 0, synced, run })
  const changing = (isSynced: boolean) => (text: string, parameters: ReadonlyArray<unknown>) =>
    storage.write<ReadonlyArray<SqlStorage.Row>, never>({
      bytes: 0,
      synced: isSynced,
      run: (connection) =>
        Effect.map(SqlStorage.execute(connection, text, parameters), Exit.succeed)
    })
  const give = changing(synced)
  // A lease that somebody gave up, and that is there still, keeps others waiting, and no more.
  const change = changing(false)
  return {
    join: (node, { ttlMillis }) => write(join(statements, node, ttlMillis)),
    renew: ({ session, ttlMillis }) =>
      write<ReadonlyArray<string>, LeaseLost>((connection) =>
        Effect.gen(function*() {
          const parameters = [ttlMillis, session]
          const member = yield* SqlStorage.execute(connection, statements.renewNode, parameters)
          if (member.length === 0) return Exit.fail(new LeaseLost({ address: session }))
          const held = yield* SqlStorage.execute(connection, statements.renewLeases, parameters)
          return Exit.succeed(held.map(({ shard }) => String(shard)))
        })
      ),
    acquire: ({ grant, session, ttlMillis }, shards) =>
      Effect.map(
        give(statements.acquire, acquireParameters(storage, shards, [session, ttlMillis, grant])),
        (rows) => rows.map(({ shard }) => String(shard))
      ),
    release: ({ grant, session }, shards) =>
      Effect.asVoid(
        shards === undefined
          ? change(statements.releaseAll, [session, grant])
          : change(statements.release, [JSON.stringify(shards), session, grant])
      ),
    drain: (address) => Effect.map(change(statements.drain, [address]), (rows) => rows.length > 0),
    leave: (session) =>
      Effect.zipRight(
        change(statements.leaveLeases, [session]),
        Effect.asVoid(change(statements.leave, [session]))
      ),
    view: Effect.gen(function*() {
      const members = yield* storage.read(statements.members)
      const holders = yield* storage.read(statements.holders)
      return {
        members: members.map(memberOf),
        holders: new Map(holders.map(({ session, shard }) => [String(shard), String(session)]))
      }
    }),
    secret: Effect.gen(function*() {
      const stored = Effect.map(storage.read(statements.secret), ([row]) => row?.["secret"])
      if ((yield* stored) === undefined) {
        yield* give(statements.setSecret, [Redacted.value(yield* newSecret)])
      }
      // Also where another node has been faster.
      const secret = yield* stored
      return isSecret(secret) ? Redacted.make(secret) : yield* secretInvalid
    })
  }
}

const secretInvalid = new DurableError.StoreUnavailable({
  reason: "failed",
  outcome: "not-written",
  detail:
    "plantd_cluster_secrets has no row with 64 hexadecimal digits: delete what it has, while no"
    + " node runs"
})

// SQLite takes parameters as they stand in the text, where the rows come last.
const acquireParameters = (
  { dialect }: SqlStorage.Storage,
  shards: ReadonlyArray<string>,
  others: ReadonlyArray<unknown>
): ReadonlyArray<unknown> => {
  const rows = JSON.stringify(shards)
  return dialect.name === "sqlite" ? [...others, rows] : [rows, ...others]
}

const join = (
  statements: LeaseStatements,
  { address, protocols: ours, session, shards, weight }: Joining,
  ttlMillis: number
): Run<void, RefusedError> =>
(connection) =>
  Effect.gen(function*() {
    const run = (text: string, ...parameters: ReadonlyArray<unknown>) =>
      SqlStorage.execute(connection, text, parameters)
    for (const text of statements.joinAlone) yield* run(text)
    const [occupant] = yield* run(statements.occupant, address, session)
    if (occupant !== undefined) {
      const startedAt = Number(occupant["started_at"])
      return Exit.fail(new AddressInUse({ address, startedAt }))
    }
    const [stored] = yield* run(statements.shards)
    const others = yield* run(statements.others, address)
    const other = others.find((row) => !haveCommon(protocolsOf(row), ours))
    if (other !== undefined) {
      const theirs = protocolsOf(other)
      return Exit.fail(new ProtocolsDiffer({ address: String(other["address"]), theirs, ours }))
    }
    const known = stored === undefined ? shards : Number(stored["shards"])
    if (others.length > 0 && known !== shards) {
      return Exit.fail(new ShardsDiffer({ shards, stored: known }))
    }
    yield* run(statements.setShards, shards)
    const { newest, oldest } = ours
    yield* run(statements.join, address, session, `${newest}`, oldest, weight, ttlMillis)
    return Exit.void
  })

const protocolsOf = (row: SqlStorage.Row): Protocols => ({
  oldest: Number(row["oldest"]),
  newest: Number(row["version"])
})

const memberOf = (row: SqlStorage.Row): Member => ({
  address: String(row["address"]),
  session: String(row["session"]),
  protocols: protocolsOf(row),
  weight: Number(row["weight"]),
  startedAt: Number(row["started_at"]),
  leaseLeft: Number(row["lease_left"]),
  draining: Number(row["draining"]) === 1
})
