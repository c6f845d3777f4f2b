/** What is said of a command that has come to an end: to its asker, and to the journal. */
import { Command } from "@plantd/core"
import { Cause, Data, Deferred, Effect, Exit, Option } from "effect"
import { asksTheSame, type CommandRecord } from "../CommandJournal.ts"
import * as Errors from "../DeviceError.ts"
import type { LinkError } from "../LinkPort.ts"
import { type Answer, type Desk, type Flight, intentOf, type Job, tellOf } from "./commandDesk.ts"
import { settleLater, store } from "./commandSettling.ts"

/** How long an emergency command waits for a journal that does not answer, in milliseconds. */
export const emergencyJournalMillis = 250

/** It was not sent, since something spoke against it right before its first byte. */
export class Withheld extends Data.TaggedError("Withheld")<{
  readonly reason: Command.Rejection
  readonly detail: string
}> {}

/** A value that was seen on the device instead of answered by it. */
export const seen = { seen: true } as const

/** Stores what became of it, then tells its asker; an unknown outcome is told, then settled. */
export const settle = (
  desk: Desk,
  flight: Flight,
  exit: Exit.Exit<unknown, LinkError | Withheld>
): Effect.Effect<void, Errors.CommandError> => {
  const { job } = flight
  if (Exit.isSuccess(exit)) {
    const bySight = exit.value === seen
    const result = bySight ? null : exit.value
    const settledBy = bySight ? job.look?.by ?? "readback" : "answer"
    return Effect.zipRight(
      stored(desk, job, { state: "succeeded", settledBy, ...resultText(result) }),
      Effect.suspend(() => {
        tellOf(desk, flight, "succeeded", { result, settledBy })
        return answerWith(flight, result)
      })
    )
  }
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure === undefined) return Effect.failCause(exit.cause as Cause.Cause<never>)
  const error = errorOf(job, failure)
  if (error._tag === "OutcomeUnknown") return unknown(desk, flight, error)
  const state = error._tag === "CommandFailed"
    ? "failed"
    : error._tag === "ResultInvalid"
    ? "succeeded"
    : "rejected"
  const detail = error._tag === "CommandRejected"
    ? `${error.reason}: ${error.detail}`
    : failure.message
  const unsent = failure._tag === "Withheld" || failure._tag === "NotSent"
  const settledBy = unsent ? {} : { settledBy: "answer" } as const
  return Effect.zipRight(stored(desk, job, { state, detail, ...settledBy }), Effect.fail(error))
}

/**
 * Stores what became of it before its asker is told. Who asked for an emergency stop is told after
 * a quarter of a second in any case; it is stored when that can be done.
 */
const stored = (
  desk: Desk,
  job: Job,
  known: Parameters<typeof store>[2]
): Effect.Effect<void> => {
  const written = store(desk, job.commandId, known)
  return job.lane === "emergency"
    ? Effect.asVoid(Effect.timeoutOption(Effect.disconnect(written), emergencyJournalMillis))
    : written
}

/** The longest result that the journal keeps, in characters of JSON. */
export const resultLengthMax = 65_536

const resultText = (result: unknown): { readonly result?: string; readonly detail?: string } => {
  const text = JSON.stringify(result ?? null)
  return text.length <= resultLengthMax
    ? { result: text }
    : { detail: `its result has ${text.length} characters, more than are kept (resultLengthMax)` }
}

const unknown = (
  desk: Desk,
  flight: Flight,
  error: Errors.OutcomeUnknown
): Effect.Effect<void> => {
  const { job } = flight
  const settlement = { state: "outcome-unknown", detail: error.detail } as const
  return stored(desk, job, settlement).pipe(
    Effect.zipRight(Effect.sync(() => {
      tellOf(desk, flight, "outcome-unknown", { detail: error.detail })
    })),
    Effect.zipRight(Deferred.fail(flight.answer, error)),
    // The turn is kept meanwhile, so that what is seen is not the doing of a later command.
    Effect.zipRight(settleLater(
      desk,
      {
        ...intentOf(desk, job),
        fence: desk.holder.fence,
        ...settlement,
        outcomeAt: desk.state.arrival().wall
      },
      flight.mark
    ))
  )
}

/** Tells its asker that it succeeded. */
export const answerWith = (flight: Flight, result: unknown): Effect.Effect<void> =>
  Deferred.succeed(flight.answer, { commandId: flight.job.commandId, result } satisfies Answer)

/** The answer to a command that was asked for before. */
export const repeat = (
  job: Job,
  record: CommandRecord
): Effect.Effect<Answer, Errors.CommandError> => {
  if (!asksTheSame(record, job)) return mismatch(job, record.name)
  const { detail = "no detail is known" } = record
  switch (record.state) {
    case "succeeded":
      return Effect.succeed({
        commandId: job.commandId,
        result: record.result === undefined ? null : JSON.parse(record.result) as unknown
      })
    case "failed":
      return Effect.fail(
        new Errors.CommandFailed({ ...job.of, commandId: job.commandId, detail })
      )
    case "rejected":
      return Effect.fail(new Errors.CommandRejected({ ...job.of, ...storedRejection(detail) }))
    case "executing":
    case "outcome-unknown":
    case "unresolved":
      return Effect.fail(
        new Errors.OutcomeUnknown({ ...job.of, commandId: job.commandId, detail })
      )
  }
}

/** The refusal of an id that stands for something else. */
export const mismatch = (job: Job, name: string) =>
  reject(
    job,
    "duplicate-mismatch",
    `command id ${job.commandId} stands for ${name} with other arguments; choose a new id`
  )

const rejections: ReadonlyArray<string> = Command.Rejection.literals

const storedRejection = (detail: string) => {
  const reason = detail.slice(0, detail.indexOf(":"))
  return rejections.includes(reason)
    ? { reason: reason as Command.Rejection, detail: detail.slice(reason.length + 2) }
    : { reason: "expired" as const, detail: `its first try was not sent: ${detail}` }
}

// Names that the device does not know are a matter of validation as well.
const rejectionOf = (code: string): Command.Rejection =>
  rejections.includes(code)
    ? code as Command.Rejection
    : code === "not-stored"
    ? "state"
    : "validation"

/** What came of sending it, in the words of its asker. */
export const errorOf = (
  { commandId, of }: Job,
  error: LinkError | Withheld
): Errors.CommandError => {
  switch (error._tag) {
    case "Withheld":
      return new Errors.CommandRejected({ ...of, reason: error.reason, detail: error.detail })
    case "NotSent":
      return new Errors.DeviceUnavailable({ ...of, link: error.state, reason: error.reason })
    case "Refused": {
      return new Errors.CommandRejected({
        ...of,
        reason: rejectionOf(error.code),
        detail: error.detail
      })
    }
    case "Failed":
      return new Errors.CommandFailed({ ...of, commandId, detail: error.detail })
    case "NoResult":
      return new Errors.ResultInvalid({ ...of, commandId, detail: error.detail })
    case "NoAnswer":
      return new Errors.OutcomeUnknown({ ...of, commandId, detail: error.detail })
  }
}

/** Where a command stands whose asker is told this. */
export const stateOf = (error: Errors.CommandError): Command.State => {
  switch (error._tag) {
    case "CommandCancelled":
      return "cancelled"
    case "CommandFailed":
      return "failed"
    case "ResultInvalid":
      return "succeeded"
    case "OutcomeUnknown":
      return "outcome-unknown"
    case "CommandRejected":
      return error.reason === "expired" ? "expired" : "rejected"
    case "DeviceUnavailable":
    case "JournalUnavailable":
      return "rejected"
  }
}

/** Refuses a command. */
export const reject = (job: Job, reason: Command.Rejection, detail: string) =>
  Effect.fail(new Errors.CommandRejected({ ...job.of, reason, detail }))

/** Nothing was sent, since the journal did not take the intent. */
export const notJournalled = (job: Job, error: { readonly message: string }) =>
  new Errors.JournalUnavailable({ ...job.of, detail: error.message })
