/**
 * The tables and statements of the store of devices, for SQLite and PostgreSQL. Each statement
 * that writes looks at the fence itself: a writer with a lower one than the stored one changes no
 * row, whoever writes at the same time.
 */
import * as SqlStorage from "@plantd/actors/SqlStorage"
import { Effect } from "effect"

/** The tables, as they are named in errors too. */
export const deviceTables = {
  devices: "plantd_devices",
  commands: "plantd_device_commands",
  alarms: "plantd_device_alarms"
} as const

const { alarms, commands, devices } = deviceTables

/** The most commands that one transaction forgets. */
export const forgetStep = 500

const ofDevice = "device_type TEXT NOT NULL, device_id TEXT NOT NULL"
const key = "device_type, device_id"

/**
 * Their migrations. `position` is the order in which commands were intended, which no wall clock
 * can turn; `settled` is 1 where nothing is left to find out, and finds those where it is 0.
 */
export const deviceMigrations: SqlStorage.Migrations = {
  table: "plantd_device_migrations",
  steps: {
    "1_devices": Effect.all([
      SqlStorage.createTable(
        devices,
        `${ofDevice}, fence BIGINT NOT NULL, lease_session TEXT, lease_expires_at BIGINT,`
          + " out_of_service_by TEXT, out_of_service_reason TEXT, out_of_service_at BIGINT,"
          + ` PRIMARY KEY (${key})`
      ),
      SqlStorage.createTable(
        commands,
        `position IDENTITY, ${ofDevice}, command_id TEXT NOT NULL, name TEXT NOT NULL,`
          + " args TEXT NOT NULL, effect TEXT NOT NULL, session TEXT, fence BIGINT NOT NULL,"
          + " epoch BIGINT, state TEXT NOT NULL, settled BIGINT NOT NULL, detail TEXT,"
          + " result TEXT, settled_by TEXT, intent_at BIGINT NOT NULL, sent_at BIGINT,"
          + ` outcome_at BIGINT, UNIQUE (${key}, command_id)`
      ),
      SqlStorage.createIndex(commands, `${key}, position`),
      SqlStorage.createIndex(commands, `${key}, position`, "settled = 0"),
      SqlStorage.createTable(
        alarms,
        `${ofDevice}, alarm TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (${key}, alarm)`
      )
    ], { discard: true })
  }
}

/** The columns of a command, in the order of their parameters where one is intended. */
const intentColumns = `${key}, command_id, name, args, effect, session, fence, epoch, intent_at`
const commandColumns = "command_id, name, args, effect, session, fence, epoch, state, settled,"
  + " detail, result, settled_by, intent_at, sent_at, outcome_at"
const deviceColumns = "fence, lease_session, lease_expires_at, out_of_service_by,"
  + " out_of_service_reason, out_of_service_at"

/** Statements in one dialect. */
export type DeviceStatements = ReturnType<typeof deviceStatementsOf>

/** Writes the statements in a dialect. */
export const deviceStatementsOf = (dialect: SqlStorage.Dialect) => {
  const sql = phrasesOf(dialect)
  return { ...claimsIn(sql), ...journalIn(sql), ...marksIn(sql) } as const
}

type Phrases = ReturnType<typeof phrasesOf>

const phrasesOf = ({ name, parameter, rows }: SqlStorage.Dialect) => {
  /** A parameter of a number, which PostgreSQL would take for a text. */
  const number = (position: number) => `CAST(${parameter(position)} AS BIGINT)`
  const of = (position: number) =>
    `device_type = ${parameter(position)} AND device_id = ${parameter(position + 1)}`
  // Whoever claims the device meanwhile waits for this transaction, or this one for theirs. SQLite
  // has one writer at a time.
  const lock = name === "pg" ? " FOR SHARE" : ""
  return {
    parameter,
    number,
    rows,
    of,
    /** Who holds the device: its type and id are two parameters. */
    holder: (position: number) =>
      `holder AS (SELECT fence FROM ${devices} WHERE ${of(position)}${lock})`,
    /** That it is not held by a higher fence than the parameter. */
    admitted: (position: number) =>
      `NOT EXISTS (SELECT 1 FROM holder WHERE fence > ${number(position)})`
  }
}

const claimsIn = ({ number, of, parameter: p }: Phrases) => {
  const claim = (fence: string, update: string) =>
    `INSERT INTO ${devices} (${key}, fence) VALUES (${p(1)}, ${p(2)}, ${fence})`
    + ` ON CONFLICT (${key}) DO UPDATE SET fence = ${update} RETURNING ${deviceColumns}`
  return {
    claimNext: claim("1", `${devices}.fence + 1`),
    claimAs: claim(number(3), `excluded.fence WHERE ${devices}.fence <= excluded.fence`),
    fence: `SELECT fence FROM ${devices} WHERE ${of(1)}`,
    alarms: `SELECT alarm, value FROM ${alarms} WHERE ${of(1)}`,
    unsettled: `SELECT ${commandColumns} FROM ${commands} WHERE ${of(1)} AND settled = 0`
      + " ORDER BY position"
  }
}

const journalIn = ({ admitted, holder, number, of, parameter: p }: Phrases) => ({
  intend: `WITH ${holder(1)} INSERT INTO ${commands} (${intentColumns}, state, settled)`
    + ` SELECT ${p(3)}, ${p(4)}, ${p(5)}, ${p(6)}, ${p(7)}, ${p(8)}, ${p(9)}, ${number(10)},`
    + ` ${number(11)}, ${number(12)}, 'executing', 0 WHERE ${admitted(13)}`
    + ` ON CONFLICT (${key}, command_id) DO NOTHING RETURNING position`,
  sent: `WITH ${holder(1)} UPDATE ${commands} SET sent_at = ${number(3)}`
    + ` WHERE ${of(4)} AND command_id = ${p(6)} AND ${admitted(7)} RETURNING position`,
  settle: `WITH ${holder(1)} UPDATE ${commands} SET state = ${p(3)}, settled = ${number(4)},`
    + ` detail = COALESCE(${p(5)}, detail), result = COALESCE(${p(6)}, result),`
    + ` settled_by = COALESCE(${p(7)}, settled_by),`
    + ` sent_at = COALESCE(${number(8)}, sent_at), outcome_at = ${number(9)}`
    + ` WHERE ${of(10)} AND command_id = ${p(12)} AND settled = 0 AND ${admitted(13)}`
    + " RETURNING position",
  find: `SELECT ${commandColumns} FROM ${commands} WHERE ${of(1)} AND command_id = ${p(3)}`,
  newest: `SELECT ${commandColumns} FROM ${commands} WHERE ${of(1)}`
    + ` ORDER BY position DESC LIMIT ${p(3)}`,
  newestBefore: `SELECT ${commandColumns} FROM ${commands} WHERE ${of(1)} AND position < (`
    + `SELECT position FROM ${commands} WHERE ${of(3)} AND command_id = ${p(5)})`
    + ` ORDER BY position DESC LIMIT ${p(6)}`,
  forget: `WITH ${holder(1)} DELETE FROM ${commands} WHERE position IN (`
    + `SELECT position FROM ${commands} WHERE ${of(3)} AND settled = 1`
    + ` AND (COALESCE(outcome_at, intent_at) < ${number(5)} OR position <= (`
    + `SELECT position FROM ${commands} WHERE ${of(6)} AND settled = 1`
    + ` ORDER BY position DESC LIMIT 1 OFFSET ${p(8)}))`
    + ` ORDER BY position LIMIT ${forgetStep}) AND ${admitted(9)} RETURNING position`
})

const marksIn = ({ admitted, holder, number, parameter: p, rows }: Phrases) => {
  const save = (columns: string, values: string, fence: number) => {
    const update = columns.split(", ").map((column) => `${column} = excluded.${column}`)
    return `INSERT INTO ${devices} (${key}, fence, ${columns})`
      + ` VALUES (${p(1)}, ${p(2)}, 0, ${values}) ON CONFLICT (${key})`
      + ` DO UPDATE SET ${update.join(", ")} WHERE ${devices}.fence <= ${number(fence)}`
      + " RETURNING fence"
  }
  return {
    lease: save("lease_session, lease_expires_at", `${p(3)}, ${number(4)}`, 5),
    outOfService: save(
      "out_of_service_by, out_of_service_reason, out_of_service_at",
      `${p(3)}, ${p(4)}, ${number(5)}`,
      6
    ),
    saveAlarms: `WITH v AS (SELECT value->>0 AS alarm, value->>1 AS value FROM ${rows}),`
      + ` ${holder(2)} INSERT INTO ${alarms} (${key}, alarm, value)`
      + ` SELECT ${p(4)}, ${p(5)}, v.alarm, v.value FROM v WHERE ${admitted(6)}`
      + ` ON CONFLICT (${key}, alarm) DO UPDATE SET value = excluded.value RETURNING alarm`
  }
}
