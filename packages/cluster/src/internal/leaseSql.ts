/**
 * The tables and statements of the store of leases, for SQLite and PostgreSQL. Each statement looks
 * at the clock of the database itself, in milliseconds.
 */
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Effect } from "effect"

const cluster = "plantd_cluster"
const nodes = "plantd_cluster_nodes"
const leases = "plantd_cluster_leases"
const secrets = "plantd_cluster_secrets"

/** Their migrations. */
export const leaseMigrations: SqlStorage.Migrations = {
  table: "plantd_cluster_migrations",
  steps: {
    "1_leases": Effect.all([
      SqlStorage.createTable(cluster, "id BIGINT NOT NULL PRIMARY KEY, shards BIGINT NOT NULL"),
      SqlStorage.createTable(
        nodes,
        "address TEXT NOT NULL PRIMARY KEY, session TEXT NOT NULL, version TEXT NOT NULL,"
          + " weight BIGINT NOT NULL, started_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,"
          + " draining BIGINT NOT NULL"
      ),
      SqlStorage.createTable(
        leases,
        "shard TEXT NOT NULL PRIMARY KEY, session TEXT NOT NULL, expires_at BIGINT NOT NULL"
      ),
      SqlStorage.createIndex(leases, "session")
    ], { discard: true }),
    "2_grants": SqlStorage.addColumn(leases, "granted BIGINT NOT NULL DEFAULT 0"),
    "3_protocols": Effect.all([
      SqlStorage.addColumn(nodes, "oldest BIGINT NOT NULL DEFAULT 2"),
      SqlStorage.createTable(secrets, "id BIGINT NOT NULL PRIMARY KEY, secret TEXT NOT NULL")
    ], { discard: true })
  }
}

/** Statements in one dialect. */
export type LeaseStatements = ReturnType<typeof leaseStatementsOf>

/** Writes the statements in a dialect. */
export const leaseStatementsOf = ({ name, parameter, rows }: SqlStorage.Dialect) => {
  const now = name === "sqlite"
    ? "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
    : "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
  const greatest = name === "sqlite" ? "MAX" : "GREATEST"
  const value = name === "sqlite" ? "value" : "value #>> '{}'"
  // Whoever joins looks first, and then writes. SQLite has one writer at a time.
  const alone = name === "sqlite" ? [] : [`LOCK TABLE ${cluster} IN EXCLUSIVE MODE`]
  // ON CONFLICT locks a row also where it changes nothing; holders would wait for who asks.
  const free = name === "sqlite"
    ? "true"
    : `NOT EXISTS (SELECT 1 FROM ${leases} AS held WHERE held.shard = ${value}`
      + ` AND held.session <> ${parameter(2)} AND held.expires_at > ${now})`
  const number = (position: number) => `CAST(${parameter(position)} AS BIGINT)`
  return {
    /** Keeps others from joining until the transaction is over. */
    joinAlone: alone,
    others: `SELECT address, version, oldest FROM ${nodes} WHERE expires_at > ${now}`
      + ` AND address <> ${parameter(1)} ORDER BY address`,
    shards: `SELECT shards FROM ${cluster} WHERE id = 1`,
    setShards: `INSERT INTO ${cluster} (id, shards) VALUES (1, ${number(1)})`
      + " ON CONFLICT (id) DO UPDATE SET shards = excluded.shards",
    occupant: `SELECT session, started_at FROM ${nodes} WHERE address = ${parameter(1)}`
      + ` AND session <> ${parameter(2)} AND expires_at > ${now}`,
    join: `INSERT INTO ${nodes}`
      + " (address, session, version, oldest, weight, started_at, expires_at, draining)"
      + ` VALUES (${parameter(1)}, ${parameter(2)}, ${parameter(3)}, ${number(4)}, ${number(5)},`
      + ` ${now}, ${now} + ${number(6)}, 0) ON CONFLICT (address) DO UPDATE SET`
      + " session = excluded.session, version = excluded.version, oldest = excluded.oldest,"
      + " weight = excluded.weight,"
      + " started_at = excluded.started_at, expires_at = excluded.expires_at, draining = 0",
    renewNode: `UPDATE ${nodes} SET expires_at = ${now} + ${number(1)}`
      + ` WHERE session = ${parameter(2)} RETURNING address`,
    renewLeases: `UPDATE ${leases} SET expires_at = ${now} + ${number(1)}`
      + ` WHERE session = ${parameter(2)} AND expires_at > ${now} RETURNING shard`,
    // PostgreSQL numbers parameters as they are passed; the rows are the first.
    acquire: `INSERT INTO ${leases} (shard, session, expires_at, granted)`
      + ` SELECT ${value}, ${parameter(2)}, ${now} + ${number(3)}, ${number(4)}`
      + ` FROM ${rows} WHERE ${free}`
      // In one order, so that two that take the same shards wait, and are not in a deadlock.
      + " ORDER BY 1"
      + " ON CONFLICT (shard) DO UPDATE SET session = excluded.session,"
      + ` granted = CASE WHEN ${leases}.session = excluded.session`
      + ` THEN ${greatest}(${leases}.granted, excluded.granted) ELSE excluded.granted END,`
      + ` expires_at = excluded.expires_at WHERE ${leases}.session = excluded.session`
      + ` OR ${leases}.expires_at <= ${now} RETURNING shard`,
    releaseAll: `DELETE FROM ${leases} WHERE session = ${parameter(1)} AND granted <= ${number(2)}`,
    release: `DELETE FROM ${leases} WHERE shard IN (SELECT ${value} FROM ${rows})`
      + ` AND session = ${parameter(2)} AND granted <= ${number(3)}`,
    drain: `UPDATE ${nodes} SET draining = 1 WHERE address = ${parameter(1)} RETURNING address`,
    leaveLeases: `DELETE FROM ${leases} WHERE session = ${parameter(1)}`,
    leave: `DELETE FROM ${nodes} WHERE session = ${parameter(1)}`,
    secret: `SELECT secret FROM ${secrets} WHERE id = 1`,
    setSecret: `INSERT INTO ${secrets} (id, secret) VALUES (1, ${parameter(1)})`
      + " ON CONFLICT (id) DO NOTHING",
    members: "SELECT address, session, version, oldest, weight, started_at,"
      + ` expires_at - ${now} AS lease_left, draining FROM ${nodes} ORDER BY address`,
    holders: `SELECT shard, session FROM ${leases} WHERE expires_at > ${now}`
  } as const
}
