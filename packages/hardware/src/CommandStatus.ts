/** What is known of one command: where it stands now, for its asker and for consoles. */
import { Command } from "@plantd/core"
import { Schema } from "effect"
import { type CommandRecord, SettledBy } from "./CommandJournal.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/** What is known of one command. Times are milliseconds since 1970-01-01 UTC. */
export const CommandStatus = Schema.Struct({
  device: Schema.String,
  commandId: Schema.String,
  /** `write.speed`, or the name of a command. */
  name: Schema.String,
  state: Command.State,
  /** When this was so. */
  at: Schema.Number,
  /** While it is executing, from 0 to 1, where the device process tells. */
  progress: optional(Schema.Number),
  /** Why it was refused or failed, why its outcome is unknown, or what a person noted. */
  detail: optional(Schema.String),
  /** The encoded result of a command that succeeded. */
  result: optional(Schema.Unknown),
  settledBy: optional(SettledBy),
  session: optional(Schema.String)
})
/** What is known of one command. */
export interface CommandStatus extends Schema.Schema.Type<typeof CommandStatus> {}

/** What the journal knows of a command. */
export const ofRecord = (device: string, record: CommandRecord): CommandStatus => ({
  device,
  commandId: record.commandId,
  name: record.name,
  state: record.state,
  at: record.outcomeAt ?? record.sentAt ?? record.intentAt,
  ...(record.detail === undefined ? {} : { detail: record.detail }),
  ...(record.result === undefined ? {} : { result: JSON.parse(record.result) as unknown }),
  ...(record.settledBy === undefined ? {} : { settledBy: record.settledBy }),
  ...(record.session === undefined ? {} : { session: record.session })
})
