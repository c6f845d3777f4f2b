/**
 * What came of asking many devices for one thing: the outcome of each, in the order of the group. A
 * report hides nobody: those that failed and those of which nothing is known stand beside those
 * that succeeded.
 */
import { ActorError } from "@plantd/actors"
import { Effect, Schema } from "effect"
import { OutcomeUnknown } from "./DeviceError.ts"

/** A device did what it was asked for. */
export interface Succeeded<A> {
  readonly _tag: "Succeeded"
  readonly device: string
  readonly value: A
}

/** A device did not, or not all of it: the error says what is known. */
export interface Failed<E> {
  readonly _tag: "Failed"
  readonly device: string
  readonly error: E
}

/** Nobody can tell whether a device did it; look at it before it is asked again. */
export interface Unknown<E> {
  readonly _tag: "Unknown"
  readonly device: string
  readonly error: E
}

/** What came of one device. */
export type Outcome<A, E> = Succeeded<A> | Failed<E> | Unknown<E>

/** What came of each device of a group. */
export interface GroupReport<A, E> {
  /** What was asked for, for example `write.speed`. */
  readonly operation: string
  /** Of each device, in the order of the group. */
  readonly outcomes: ReadonlyArray<Outcome<A, E>>
  readonly succeeded: ReadonlyArray<Succeeded<A>>
  readonly failed: ReadonlyArray<Failed<E>>
  readonly unknown: ReadonlyArray<Unknown<E>>
  readonly allSucceeded: boolean
}

/** A call crashed on its way, by a defect. */
export class CallCrashed extends Schema.TaggedError<CallCrashed>()("CallCrashed", {
  device: Schema.String,
  operation: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.device}: ${this.operation} crashed on its way: ${this.detail}`
  }
}

/** The most devices that the message of `GroupFailed` names of each kind. */
export const namedMax = 5

const Trouble = Schema.Struct({ device: Schema.String, detail: Schema.String })

/**
 * A group did not do all that it was asked for. What `succeeded` names was done, and stays done:
 * asking the whole group again asks those again too.
 */
export class GroupFailed extends Schema.TaggedError<GroupFailed>()("GroupFailed", {
  operation: Schema.String,
  failed: Schema.Array(Trouble),
  unknown: Schema.Array(Trouble),
  succeeded: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const { failed, operation, succeeded, unknown } = this
    const devices = failed.length + unknown.length + succeeded.length
    const kinds = [
      ...failed.length > 0 ? [`failed for ${failed.length}`] : [],
      ...unknown.length > 0 ? [`is unknown for ${unknown.length}`] : []
    ]
    const troubles = listed([...failed, ...unknown].map(({ detail }) => detail), "; ")
    const done = succeeded.length > 0
      ? `done all the same: ${listed(succeeded, ", ")}`
      : "done by none"
    return `${operation} ${kinds.join(" and ")} of ${devices} devices: ${troubles}; ${done}`
  }
}

const listed = (texts: ReadonlyArray<string>, separator: string): string =>
  texts.length <= namedMax
    ? texts.join(separator)
    : `${texts.slice(0, namedMax).join(separator)} and ${texts.length - namedMax} more`

/** The report of outcomes. */
export const make = <A, E>(
  operation: string,
  outcomes: ReadonlyArray<Outcome<A, E>>
): GroupReport<A, E> => {
  const succeeded = outcomes.filter((outcome) => outcome._tag === "Succeeded")
  return {
    operation,
    outcomes,
    succeeded,
    failed: outcomes.filter((outcome) => outcome._tag === "Failed"),
    unknown: outcomes.filter((outcome) => outcome._tag === "Unknown"),
    allSucceeded: succeeded.length === outcomes.length
  }
}

/** The values of all devices in the order of the group; fails where one did not succeed. */
export const orFail = <A, E extends Error>(
  report: GroupReport<A, E>
): Effect.Effect<ReadonlyArray<A>, GroupFailed> => {
  const troubles = (outcomes: ReadonlyArray<Failed<E> | Unknown<E>>) =>
    outcomes.map(({ device, error }) => ({ device, detail: error.message }))
  return report.allSucceeded
    ? Effect.succeed(report.succeeded.map(({ value }) => value))
    : Effect.fail(
      new GroupFailed({
        operation: report.operation,
        failed: troubles(report.failed),
        unknown: troubles(report.unknown),
        succeeded: report.succeeded.map(({ device }) => device)
      })
    )
}

/**
 * True where an error of a command leaves open whether its device acted: the device process, or the
 * actor after it had begun, did not say what became of it, or what it said cannot be read.
 */
export const isUnknown = (error: unknown): boolean =>
  error instanceof OutcomeUnknown
  || error instanceof CallCrashed
  || error instanceof ActorError.ActorCrashed
  || error instanceof ActorError.DeliveryUnknown
  || error instanceof ActorError.MessageQuarantined
  || (error instanceof ActorError.AskTimeout && error.outcome === "unknown")
  || (error instanceof ActorError.MessageInvalid && error.part === "answer")
