/** The way of a command through a device actor: checked, in its turn, sent once, answered. */
import { Command } from "@plantd/core"
import { Effect, Random, Schema } from "effect"
import { refusal } from "../Attribute.ts"
import { stateAttribute } from "../DeviceDefinition.ts"
import {
  type CommandError,
  CommandFailed,
  CommandRejected,
  DeviceUnavailable,
  OutcomeUnknown,
  type ReadError,
  ReadFailed,
  ResultInvalid
} from "../DeviceError.ts"
import type { CommandOptions, LinkError } from "../LinkPort.ts"
import type { DeviceState } from "./deviceActor.ts"

/** The asker of a command waits for its actor this much longer, so that it learns the outcome. */
export const askMarginMillis = 250

/** One command at a time, and a bounded number behind it. */
export interface CommandLane {
  readonly turn: Effect.Semaphore
  readonly queueMax: number
  /** Those under way and those that wait. */
  size: number
}

/** A lane without a command. */
export const commandLane = (queueMax: number): Effect.Effect<CommandLane> =>
  Effect.map(Effect.makeSemaphore(1), (turn) => ({ turn, queueMax, size: 0 }))

/** Of which device, and what was asked of it. */
export interface Operation {
  readonly device: string
  readonly operation: string
}

/** What became of a read, in the words of its asker. */
export const readError = (of: Operation, error: LinkError): ReadError =>
  error._tag === "NotSent"
    ? new DeviceUnavailable({ ...of, link: error.state, reason: error.reason })
    : new ReadFailed({ ...of, detail: error.message })

/** What a handler knows of its message. */
export interface Message {
  readonly deadline: number
}

/** A write, as the client asks for it. */
export interface WriteAsked {
  readonly attribute: string
  readonly value: unknown
  readonly timeoutMillis: number
}

/** A command, as the client asks for it. */
export interface InvokeAsked {
  readonly command: string
  readonly payload: unknown
  readonly timeoutMillis: number
}

/** The handlers of writes and commands; `now` is the clock of the messages' deadlines. */
export const commandsOf = (state: DeviceState, now: () => number) => {
  const left = (timeoutMillis: number, message: Message) =>
    Math.min(timeoutMillis, message.deadline - now() - askMarginMillis)
  return {
    Write: (asked: WriteAsked, message: Message) =>
      write(state, asked, left(asked.timeoutMillis, message)),
    Invoke: (asked: InvokeAsked, message: Message) =>
      invoke(state, asked, left(asked.timeoutMillis, message))
  }
}

const write = (
  state: DeviceState,
  asked: WriteAsked,
  millis: number
): Effect.Effect<void, CommandError> => {
  const of = { device: state.id, operation: `write.${asked.attribute}` }
  const attribute = Object.hasOwn(state.definition.attributes, asked.attribute)
    ? state.definition.attributes[asked.attribute]
    : undefined
  const fault = attribute === undefined
    ? "the device has no such attribute"
    : attribute.access === "read"
    ? "the attribute can only be read"
    : refusal(attribute, asked.value)
  if (fault !== undefined) return reject(of, "validation", fault)
  return inTurn(state, { of, millis, lane: "ordinary" }, (deadlineMillis, commandId) =>
    outcome(
      of,
      commandId,
      state.link.write(asked.attribute, asked.value, { commandId, deadlineMillis, effect: "set" })
    ))
}

const invoke = (state: DeviceState, asked: InvokeAsked, millis: number) => {
  const of = { device: state.id, operation: asked.command }
  const command = Object.hasOwn(state.definition.commands, asked.command)
    ? state.definition.commands[asked.command]
    : undefined
  if (command === undefined) return reject(of, "validation", "the device has no such command")
  const { effect, lane } = command
  return inTurn(state, { of, millis, lane }, (deadlineMillis, commandId) => {
    const options: CommandOptions = { commandId, deadlineMillis, effect, lane }
    const fault = wrongState(state, command.allowedIn)
    if (fault !== undefined) return reject(of, "state", fault)
    return Effect.map(
      outcome(of, commandId, state.link.invoke(asked.command, asked.payload, options)),
      (result) => ({ commandId, result })
    )
  })
}

// What the node knows may be old: the device process looks again right before it acts.
const wrongState = (
  state: DeviceState,
  allowed: ReadonlyArray<string> | undefined
): string | undefined => {
  const current = state.table.get(stateAttribute)
  if (allowed === undefined || current?.quality !== "good") return undefined
  return allowed.includes(current.value as string)
    ? undefined
    : `it is allowed in ${allowed.join(", ")}, and the device is ${String(current.value)}`
}

interface Turn {
  readonly of: Operation
  /** How long the command may wait and be under way. */
  readonly millis: number
  readonly lane: "ordinary" | "emergency"
}

const inTurn = <A>(
  state: DeviceState,
  turn: Turn,
  run: (deadlineMillis: number, commandId: string) => Effect.Effect<A, CommandError>
): Effect.Effect<A, CommandError> =>
  Effect.suspend(() => {
    const { lane } = state
    const until = state.arrival().now + turn.millis
    let stage: "waiting" | "begun" | "given-up" = "waiting"
    const job = Effect.suspend(() => {
      // Its asker is being told so: it must not be begun any more.
      if (stage === "given-up") return Effect.never
      stage = "begun"
      const left = until - state.arrival().now
      if (left <= 0) return reject(turn.of, "expired", "its deadline passed before it was sent")
      return Effect.flatMap(newCommandId, (commandId) => run(left, commandId))
    })
    if (turn.lane === "emergency") return job
    if (lane.size > lane.queueMax) {
      return reject(turn.of, "busy", `${lane.queueMax} commands wait already (commandQueueMax)`)
    }
    lane.size++
    const expiry = Effect.flatMap(Effect.sleep(Math.max(0, turn.millis)), () => {
      if (stage === "begun") return Effect.never
      stage = "given-up"
      return reject(turn.of, "expired", "its deadline passed while it waited for its turn")
    })
    return Effect.ensuring(
      Effect.raceFirst(lane.turn.withPermits(1)(job), expiry),
      Effect.sync(() => {
        lane.size--
      })
    )
  })

const newCommandId = Effect.map(
  Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)]),
  (parts) => parts.map((part) => part.toString(16).padStart(8, "0")).join("")
)

const reject = (of: Operation, reason: Command.Rejection, detail: string) =>
  Effect.fail(new CommandRejected({ ...of, reason, detail }))

const isRejection = Schema.is(Command.Rejection)

// Names that the device does not know are a matter of validation as well.
const rejectionOf = (code: string): Command.Rejection =>
  isRejection(code) ? code : code === "not-stored" ? "state" : "validation"

const outcome = <A>(
  of: Operation,
  commandId: string,
  sent: Effect.Effect<A, LinkError>
): Effect.Effect<A, CommandError> =>
  Effect.mapError(sent, (error) => {
    switch (error._tag) {
      case "NotSent":
        return new DeviceUnavailable({ ...of, link: error.state, reason: error.reason })
      case "Refused":
        return new CommandRejected({
          ...of,
          reason: rejectionOf(error.code),
          detail: error.detail
        })
      case "Failed":
        return new CommandFailed({ ...of, commandId, detail: error.detail })
      case "NoResult":
        return new ResultInvalid({ ...of, commandId, detail: error.detail })
      case "NoAnswer":
        return new OutcomeUnknown({ ...of, commandId, detail: error.detail })
    }
  })
