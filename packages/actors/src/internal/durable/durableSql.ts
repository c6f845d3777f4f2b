/**
 * The tables and statements of the durable store, in the SQL that SQLite and PostgreSQL have in
 * common. Rows go in as one JSON array, so that one prepared statement serves batches of all sizes.
 */
import { Effect } from "effect"
import type { ClaimRequest, Entity, SnapshotRequest, WriteRequest } from "../../DurableStore.ts"
import type { Dialect } from "../sql/dialect.ts"
import { createTable, type Migrations } from "../sql/migrations.ts"

/** The tables, as they are named in errors too. */
export const tables = {
  entities: "plantd_actor_entities",
  events: "plantd_actor_events",
  snapshots: "plantd_actor_snapshots"
} as const

/** The columns by which a row belongs to an actor, and to a name within it. */
export const keyColumns = "actor_type TEXT NOT NULL, actor_id TEXT NOT NULL, name TEXT NOT NULL"

/** The tables of durable state. */
export const durableMigrations: Migrations = {
  table: "plantd_actor_migrations",
  steps: {
    "1_entities": Effect.all([
      createTable(
        tables.entities,
        `${keyColumns}, kind TEXT NOT NULL, fence BIGINT NOT NULL, revision BIGINT NOT NULL,`
          + " value TEXT, PRIMARY KEY (actor_type, actor_id, name)"
      ),
      createTable(
        tables.events,
        `${keyColumns}, sequence BIGINT NOT NULL, event TEXT NOT NULL,`
          + " PRIMARY KEY (actor_type, actor_id, name, sequence)"
      ),
      createTable(
        tables.snapshots,
        `${keyColumns}, sequence BIGINT NOT NULL, state TEXT NOT NULL,`
          + " PRIMARY KEY (actor_type, actor_id, name)"
      )
    ], { discard: true })
  }
}

/** The statements in one dialect. */
export interface Statements {
  readonly claimNext: string
  readonly claimAs: string
  readonly write: string
  readonly append: string
  readonly saveSnapshot: string
  readonly read: string
  readonly events: string
  readonly snapshot: string
}

const key = "actor_type, actor_id, name"
const keyOfRow = "value->>0 AS t, value->>1 AS i, value->>2 AS n"

/** Writes the statements in a dialect. */
export const statementsOf = ({ parameter, rows }: Dialect): Statements => {
  const { entities, events, snapshots } = tables
  const byKey = `actor_type = ${parameter(1)} AND actor_id = ${parameter(2)}`
    + ` AND name = ${parameter(3)}`
  const claim = (update: string) =>
    `INSERT INTO ${entities} (${key}, kind, fence, revision)`
    + ` SELECT value->>0, value->>1, value->>2, value->>3, CAST(value->>4 AS BIGINT), 0`
    + ` FROM ${rows} WHERE true`
    + ` ON CONFLICT (${key}) DO UPDATE SET ${update} AND ${entities}.kind = excluded.kind`
    + ` RETURNING ${key}, kind, fence, revision, value`
  return {
    claimNext: claim(`fence = ${entities}.fence + 1 WHERE true`),
    claimAs: claim(`fence = excluded.fence WHERE ${entities}.fence <= excluded.fence`),
    write: `WITH v AS (SELECT ${keyOfRow}, CAST(value->>3 AS BIGINT) AS fence,`
      + ` CAST(value->>4 AS BIGINT) AS expected, CAST(value->>5 AS BIGINT) AS revision,`
      + ` value->>6 AS value FROM ${rows})`
      + ` UPDATE ${entities} AS e SET revision = v.revision, value = v.value FROM v`
      + ` WHERE e.actor_type = v.t AND e.actor_id = v.i AND e.name = v.n`
      + ` AND e.fence = v.fence AND e.revision = v.expected RETURNING ${key}`,
    append: `INSERT INTO ${events} (${key}, sequence, event)`
      + ` SELECT value->>0, value->>1, value->>2, CAST(value->>3 AS BIGINT), value->>4`
      + ` FROM ${rows}`,
    saveSnapshot: `WITH v AS (SELECT ${keyOfRow}, CAST(value->>3 AS BIGINT) AS fence,`
      + ` CAST(value->>4 AS BIGINT) AS sequence, value->>5 AS state FROM ${rows})`
      + ` INSERT INTO ${snapshots} (${key}, sequence, state)`
      + ` SELECT v.t, v.i, v.n, v.sequence, v.state FROM v JOIN ${entities} AS e`
      + ` ON e.actor_type = v.t AND e.actor_id = v.i AND e.name = v.n AND e.fence = v.fence`
      + ` WHERE true ON CONFLICT (${key})`
      + ` DO UPDATE SET sequence = excluded.sequence, state = excluded.state`
      + ` WHERE ${snapshots}.sequence < excluded.sequence`,
    read: `SELECT ${key}, kind, fence, revision, value FROM ${entities} WHERE ${byKey}`,
    events: `SELECT sequence, event FROM ${events} WHERE ${byKey}`
      + ` AND sequence > ${parameter(4)} ORDER BY sequence LIMIT ${parameter(5)}`,
    snapshot: `SELECT sequence, state FROM ${snapshots} WHERE ${byKey}`
  }
}

/** The key of an entity as parameters, in the order of `byKey` and of the rows. */
export const keyParameters = ({ address, name }: Entity): readonly [string, string, string] => [
  address.type,
  address.id,
  name
]

/** The parameter of `claimNext` and `claimAs`; an entity that is new begins at fence 1. */
export const claimRows = (requests: ReadonlyArray<ClaimRequest>): string =>
  JSON.stringify(
    requests.map(({ entity, fence, kind }) => [...keyParameters(entity), kind, fence ?? 1])
  )

/** The revision that an entity has after a write. */
export const revisionAfter = ({ events, expected, value }: WriteRequest): number =>
  expected + (value === undefined ? events.length : 1)

/** The parameter of `write`. */
export const writeRows = (requests: ReadonlyArray<WriteRequest>): string =>
  JSON.stringify(
    requests.map((request) => {
      const { address, name } = request.entity
      const { expected, fence, value } = request
      const revision = revisionAfter(request)
      return [address.type, address.id, name, fence, expected, revision, value ?? null]
    })
  )

/** The parameter of `append`: the events of all requests, numbered. */
export const eventRows = (requests: ReadonlyArray<WriteRequest>): string =>
  JSON.stringify(
    requests.flatMap(({ entity, events, expected }) =>
      events.map((event, index) => [...keyParameters(entity), expected + index + 1, event])
    )
  )

/** The parameter of `saveSnapshot`. */
export const snapshotRows = (requests: ReadonlyArray<SnapshotRequest>): string =>
  JSON.stringify(
    requests.map(({ entity, fence, sequence, state }) => [
      ...keyParameters(entity),
      fence,
      sequence,
      state
    ])
  )
