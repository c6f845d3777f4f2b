/** The handlers of writes and commands, and of what is asked about them later. */
import { Deferred, Effect } from "effect"
import { refusal } from "../Attribute.ts"
import { asksTheSame, type CommandRecord, isSettled, pageMax } from "../CommandJournal.ts"
import { type CommandStatus, ofRecord } from "../CommandStatus.ts"
import * as Errors from "../DeviceError.ts"
import type { LinkError } from "../LinkPort.ts"
import {
  type Answer,
  type Desk,
  type Flight,
  type Job,
  type Operation,
  statusOf
} from "./commandDesk.ts"
import { lookOf, writeName } from "./commandLook.ts"
import { mismatch, repeat } from "./commandOutcome.ts"
import { run } from "./commandRun.ts"
import { conclude } from "./commandSettling.ts"

/** The asker of a command waits for its actor this much longer, so that it learns the outcome. */
export const askMarginMillis = 250

/** The longest arguments of a command, in characters of JSON. */
export const argsLengthMax = 65_536

/** Emergency commands of one device under way at a time. */
export const emergenciesMax = 64

/** What became of a read, in the words of its asker. */
export const readError = (of: Operation, error: LinkError): Errors.ReadError =>
  error._tag === "NotSent"
    ? new Errors.DeviceUnavailable({ ...of, link: error.state, reason: error.reason })
    : new Errors.ReadFailed({ ...of, detail: error.message })

/** What a handler knows of its message. */
export interface Message {
  readonly deadline: number
}

/** What every command carries. */
export interface Asked {
  readonly timeoutMillis: number
  readonly commandId: string
  /** True where the client made the id for this call. */
  readonly fresh: boolean
  readonly session?: string
  readonly expectedEpoch?: number
}

/** A write, as the client asks for it. */
export interface WriteAsked extends Asked {
  readonly attribute: string
  readonly value: unknown
}

/** A command, as the client asks for it. */
export interface InvokeAsked extends Asked {
  readonly command: string
  readonly payload: unknown
}

/** The handlers of writes and commands; `now` is the clock of the messages' deadlines. */
export const commandsOf = (desk: Desk, now: () => number) => {
  const until = ({ timeoutMillis }: Asked, message: Message) =>
    desk.state.arrival().now
    + Math.min(timeoutMillis, message.deadline - now() - askMarginMillis)
  return {
    Write: (asked: WriteAsked, message: Message) =>
      Effect.asVoid(write(desk, asked, until(asked, message))),
    Invoke: (asked: InvokeAsked, message: Message) => invoke(desk, asked, until(asked, message)),
    CommandOutcome: ({ commandId }: { readonly commandId: string }) => outcome(desk, commandId),
    CommandHistory: (page: { readonly limit: number; readonly before?: string }) =>
      Effect.map(
        desk.store.history(desk.holder.device, { ...page, limit: Math.min(page.limit, pageMax) }),
        (records) => records.map((record) => ofRecord(desk.state.id, record))
      ),
    CommandChanges: () =>
      desk.listeners.stream(
        Effect.sync(() => [
          ...[...desk.unsettled.values()].map((record) => ofRecord(desk.state.id, record)),
          ...[...desk.flights.values()].map((flight) => statusOf(desk, flight))
        ])
      ),
    ResolveCommand: (given: Resolution) => resolve(desk, given),
    CancelCommand: ({ commandId }: { readonly commandId: string }) => cancel(desk, commandId)
  }
}

/** How long a command that left the queue may take to end, in milliseconds. */
const cancelMillis = 100

// It ends in its own fiber, and then nothing of it is kept: it was never sent.
const cancel = (desk: Desk, commandId: string) =>
  Effect.suspend(() => {
    const flight = desk.flights.get(commandId)
    if (flight?.cancel === undefined) return outcome(desk, commandId)
    flight.cancel()
    const ended = Effect.timeoutOption(Effect.exit(Deferred.await(flight.answer)), cancelMillis)
    return Effect.map(ended, () => statusOf(desk, flight))
  })

const reject = (of: Operation, detail: string) =>
  Effect.fail(new Errors.CommandRejected({ ...of, reason: "validation", detail }))

const write = (
  desk: Desk,
  asked: WriteAsked,
  until: number
): Effect.Effect<Answer, Errors.CommandError> => {
  const { definition, id, link } = desk.state
  const name = writeName(asked.attribute)
  const of = { device: id, operation: name }
  const attribute = Object.hasOwn(definition.attributes, asked.attribute)
    ? definition.attributes[asked.attribute]
    : undefined
  const fault = attribute === undefined
    ? "the device has no such attribute"
    : attribute.access === "read"
    ? "the attribute can only be read"
    : refusal(attribute, asked.value)
  if (fault !== undefined) return reject(of, fault)
  return submit(desk, {
    ...given(asked, of, until),
    name,
    args: JSON.stringify(asked.value),
    effect: "set",
    lane: "ordinary",
    allowedIn: undefined,
    look: lookOf(definition, name, asked.value),
    send: (options) => link.write(asked.attribute, asked.value, options)
  })
}

const invoke = (
  desk: Desk,
  asked: InvokeAsked,
  until: number
): Effect.Effect<Answer, Errors.CommandError> => {
  const { definition, id, link } = desk.state
  const of = { device: id, operation: asked.command }
  const command = Object.hasOwn(definition.commands, asked.command)
    ? definition.commands[asked.command]
    : undefined
  if (command === undefined) return reject(of, "the device has no such command")
  return submit(desk, {
    ...given(asked, of, until),
    name: asked.command,
    args: JSON.stringify(asked.payload ?? null),
    effect: command.effect,
    lane: command.lane,
    allowedIn: command.allowedIn,
    look: lookOf(definition, asked.command, asked.payload),
    send: (options) => link.invoke(asked.command, asked.payload, options)
  })
}

const given = (asked: Asked, of: Operation, until: number) => ({
  of,
  commandId: asked.commandId,
  known: !asked.fresh,
  session: asked.session,
  expectedEpoch: asked.expectedEpoch,
  until
})

/**
 * Answers a command from what is known of it, or starts it. Where its asker chose the id, the
 * journal is looked at before all that could refuse it: what was done is told, whatever else is so.
 */
export const submit = (desk: Desk, job: Job): Effect.Effect<Answer, Errors.CommandError> =>
  Effect.suspend(() => {
    const flying = joined(desk, job)
    if (flying !== undefined) return flying
    if (!job.known || job.effect === "read") return start(desk, job)
    return Effect.flatMap(
      lookUp(desk, job),
      (record) => record === undefined ? start(desk, job) : repeat(job, record)
    )
  })

/** Who asks for the same again while it is under way gets the same answer. */
const joined = (
  desk: Desk,
  job: Job
): Effect.Effect<Answer, Errors.CommandError> | undefined => {
  const flying = desk.flights.get(job.commandId)
  if (flying === undefined) return undefined
  return asksTheSame(flying.job, job)
    ? Deferred.await(flying.answer)
    : mismatch(job, flying.job.name)
}

// Without the journal nobody knows whether it was sent before. A stop goes out all the same: the
// device process knows its id again.
const lookUp = (
  desk: Desk,
  job: Job
): Effect.Effect<CommandRecord | undefined, Errors.OutcomeUnknown> =>
  Effect.catchAll(
    desk.store.find(desk.holder.device, job.commandId),
    (error) =>
      job.lane === "emergency" ? Effect.succeed(undefined) : Effect.fail(
        new Errors.OutcomeUnknown({
          ...job.of,
          commandId: job.commandId,
          detail: `it may have been sent before, and the journal cannot be read: ${error.message}`
        })
      )
  )

/** Starts a command beside its asker, who may stop waiting. */
const start = (desk: Desk, job: Job): Effect.Effect<Answer, Errors.CommandError> =>
  Effect.suspend(() => {
    const flying = joined(desk, job)
    if (flying !== undefined) return flying
    const full = busy(desk, job)
    if (full !== undefined) {
      return Effect.fail(new Errors.CommandRejected({ ...job.of, reason: "busy", detail: full }))
    }
    if (job.args.length > argsLengthMax) {
      return reject(job.of, `its arguments have ${job.args.length} characters (argsLengthMax)`)
    }
    return Effect.flatMap(Deferred.make<Answer, Errors.CommandError>(), (answer) => {
      const flight: Flight = {
        job,
        answer,
        state: "accepted",
        progress: undefined,
        cancel: undefined,
        mark: 0
      }
      desk.flights.set(job.commandId, flight)
      return Effect.zipRight(desk.fork(run(desk, flight)), Deferred.await(answer))
    })
  })

const busy = (desk: Desk, job: Job): string | undefined => {
  const { commandQueueMax } = desk.state.settings
  if (job.lane === "emergency") {
    return desk.flights.size >= commandQueueMax + 1 + emergenciesMax
      ? `${emergenciesMax} emergency commands are under way (emergenciesMax)`
      : undefined
  }
  let ordinary = 0
  for (const flight of desk.flights.values()) if (flight.job.lane === "ordinary") ordinary++
  return ordinary > commandQueueMax
    ? `${commandQueueMax} commands wait already (commandQueueMax)`
    : undefined
}

const outcome = (
  desk: Desk,
  commandId: string
): Effect.Effect<CommandStatus, Errors.JournalError> =>
  Effect.suspend(() => {
    const flight = desk.flights.get(commandId)
    if (flight !== undefined) return Effect.succeed(statusOf(desk, flight))
    const open = desk.unsettled.get(commandId)
    if (open !== undefined) return Effect.succeed(ofRecord(desk.state.id, open))
    return Effect.flatMap(
      desk.store.find(desk.holder.device, commandId),
      (record) =>
        record === undefined
          ? Effect.fail(new Errors.CommandNotFound({ device: desk.state.id, commandId }))
          : Effect.succeed(ofRecord(desk.state.id, record))
    )
  })

/** What a person says became of a command. */
export interface Resolution {
  readonly commandId: string
  readonly outcome: "succeeded" | "failed"
  readonly by: string
  readonly note?: string
}

const resolve = (
  desk: Desk,
  { by, commandId, note, outcome: state }: Resolution
): Effect.Effect<CommandStatus, Errors.JournalError | Errors.CommandNotOpen> =>
  Effect.suspend(() => {
    const record = desk.unsettled.get(commandId)
    if (record === undefined || isSettled(record.state)) {
      return Effect.flatMap(outcome(desk, commandId), (status) =>
        Effect.fail(
          new Errors.CommandNotOpen({ device: desk.state.id, commandId, state: status.state })
        ))
    }
    const detail = `${by} decided${note === undefined ? "" : `: ${note}`}`
    return Effect.map(
      conclude(desk, record, { state, settledBy: "person", detail }),
      (settled) => ofRecord(desk.state.id, settled)
    )
  })
