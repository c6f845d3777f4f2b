/** What is said of an operation on a device that did not succeed: whether it can have been done. */
import { Data } from "effect"

/**
 * - `not-done`: provably nothing was done.
 * - `failed`: the device tried, and says that it failed.
 * - `done`: it was carried out, and its result alone cannot be told.
 * - `unknown`: nobody can tell.
 */
export type Outcome = "not-done" | "failed" | "done" | "unknown"

/** An operation did not succeed. Where its outcome is unknown the exit code says so. */
export class DeviceFailure extends Data.TaggedError("DeviceFailure")<{
  readonly message: string
  readonly outcome: Outcome
  /** What happened, with its facts. */
  readonly error: Failed
  /** Of a command or a write. */
  readonly commandId?: string
}> {
  /** 1, or 3 where nobody can tell whether something was done. */
  get exitCode(): 1 | 3 {
    return this.outcome === "unknown" ? 3 : 1
  }
}

/** Any error of a node, a device or the socket between. */
export interface Failed {
  readonly _tag: string
  readonly message: string
}

/** What an operation was about to do. */
export interface Operation {
  readonly device: string
  /** True where it changes something, so that it matters whether it was done. */
  readonly acts: boolean
  /** Of a command or a write: by it the node knows later what became of it. */
  readonly commandId?: string
}

/** What an error says of the outcome of an operation. */
export const outcomeOf = (error: Failed, { acts }: Operation): Outcome => {
  switch (error._tag) {
    case "OutcomeUnknown":
      return "unknown"
    case "ResultInvalid":
      return "done"
    case "CommandFailed":
      return "failed"
    case "DeliveryUnknown":
    case "Interrupted":
    case "ActorCrashed":
    case "MessageQuarantined":
      return acts ? "unknown" : "failed"
    case "MessageInvalid":
      // An answer that cannot be read may be of what was done, or say that nothing was.
      return acts && "part" in error && error.part === "answer" ? "unknown" : "not-done"
    case "CorruptRow":
      return "failed"
    case "AskTimeout":
    case "StoreUnavailable":
    case "ControlNoAnswer":
      return acts && "outcome" in error && error.outcome === "unknown" ? "unknown" : "not-done"
    default:
      return "not-done"
  }
}

/** The failure of an operation; of an unknown outcome it tells what to do. */
export const of = (error: Failed, operation: Operation): DeviceFailure => {
  const outcome = outcomeOf(error, operation)
  const message = outcome === "unknown" ? `${error.message}. ${remedy(operation)}` : error.message
  const { commandId } = operation
  return new DeviceFailure({
    message,
    outcome,
    error,
    ...commandId === undefined ? {} : { commandId }
  })
}

/** The failure of an operation that its operator broke off after it was sent. */
export const interrupted = (operation: Operation): DeviceFailure =>
  of({ _tag: "Interrupted", message: "interrupted before an answer came" }, operation)

const remedy = ({ commandId, device }: Operation): string =>
  "Nobody can tell whether it was carried out: look before you try again, by"
  + ` plantd device read ${device}`
  + (commandId === undefined ? "" : ` and plantd device commands ${device} ${commandId}`)
