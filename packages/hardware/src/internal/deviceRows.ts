/** Rows of the store of devices, read as what was written, or named where they cannot be that. */
import { type ActorAddress, DurableError } from "@plantd/actors"
import type { Row } from "@plantd/actors/SqlStorage"
import { Fence } from "@plantd/core"
import { Either, ParseResult, Schema } from "effect"
import { CommandRecord, isSettled } from "../CommandJournal.ts"
import { type OutOfService, type StoredAlarm, type StoredLease } from "../DeviceStore.ts"
import { deviceTables } from "./deviceSql.ts"

/** Of which device a row is. */
type Address = ActorAddress.ActorAddress

/** What one row says of a device. */
export interface DeviceRow {
  readonly fence: Fence.Fence
  readonly lease: StoredLease | undefined
  readonly outOfService: OutOfService | undefined
}

/** The most characters of a schema's complaint that an error quotes. */
const complaintLengthMax = 500

/** Reads a command. */
export const recordOf = (
  device: Address,
  row: Row
): Either.Either<CommandRecord, DurableError.CorruptRow> => {
  const corrupt = (reason: string) =>
    new DurableError.CorruptRow({
      table: deviceTables.commands,
      address: device,
      name: `command ${String(row["command_id"])}`,
      reason
    })
  const read = Either.mapLeft(
    decodeRecord(withoutNulls(fieldsOf(row))),
    (error) => corrupt(complaint(error))
  )
  return Either.filterOrLeft(
    read,
    ({ state }) => integer(row["settled"]) === (isSettled(state) ? 1 : 0),
    ({ state }) => corrupt(`settled is ${String(row["settled"])}, and state is ${state}`)
  )
}

/** Reads commands, in their order; the first that cannot be read is the error. */
export const recordsOf = (
  device: Address,
  rows: ReadonlyArray<Row>
): Either.Either<ReadonlyArray<CommandRecord>, DurableError.CorruptRow> =>
  Either.all(rows.map((row) => recordOf(device, row)))

/** Reads what is stored of a device. */
export const deviceOf = (
  device: Address,
  row: Row
): Either.Either<DeviceRow, DurableError.CorruptRow> =>
  Either.mapBoth(
    decodeDevice({
      fence: integer(row["fence"]),
      lease: marked({
        session: row["lease_session"],
        expiresAt: integer(row["lease_expires_at"])
      }),
      outOfService: marked({
        by: row["out_of_service_by"],
        reason: row["out_of_service_reason"],
        at: integer(row["out_of_service_at"])
      })
    }),
    {
      onLeft: (error) =>
        new DurableError.CorruptRow({
          table: deviceTables.devices,
          address: device,
          name: "device",
          reason: complaint(error)
        }),
      onRight: ({ fence, lease, outOfService }) => ({ fence, lease, outOfService })
    }
  )

/** Reads an alarm; its text is its owner's to understand. */
export const alarmOf = (row: Row): StoredAlarm => ({
  alarm: String(row["alarm"]),
  value: String(row["value"])
})

/** The first thing that is wrong, by its path. */
const complaint = (error: ParseResult.ParseError): string => {
  const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
  return `${issue?.path.join(".")}: ${issue?.message}`.slice(0, complaintLengthMax)
}

/** Drivers give large integers as text. */
export const integer = (value: unknown): unknown =>
  typeof value === "string" || typeof value === "bigint" ? Number(value) : value

const fieldsOf = (row: Row) => ({
  commandId: row["command_id"],
  name: row["name"],
  args: row["args"],
  effect: row["effect"],
  session: row["session"],
  epoch: integer(row["epoch"]),
  intentAt: integer(row["intent_at"]),
  fence: integer(row["fence"]),
  state: row["state"],
  detail: row["detail"],
  result: row["result"],
  settledBy: row["settled_by"],
  sentAt: integer(row["sent_at"]),
  outcomeAt: integer(row["outcome_at"])
})

const withoutNulls = (fields: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

/** A mark is there, or none of its columns is. */
const marked = (columns: Readonly<Record<string, unknown>>) =>
  Object.values(columns).every((value) => value === null) ? undefined : columns

const Time = Schema.Finite

const decodeDevice = Schema.decodeUnknownEither(
  Schema.Struct({
    fence: Fence.Fence,
    lease: Schema.UndefinedOr(Schema.Struct({ session: Schema.String, expiresAt: Time })),
    outOfService: Schema.UndefinedOr(
      Schema.Struct({ by: Schema.String, reason: Schema.String, at: Time })
    )
  })
)

const decodeRecord = Schema.decodeUnknownEither(CommandRecord)
