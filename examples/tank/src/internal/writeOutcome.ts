/** What became of a write to the pump, by the error that it ended with. */
import type { ActorError } from "@plantd/actors"
import type { DeviceError } from "@plantd/hardware"
import type { WriteOutcome } from "../LevelController.ts"

/** What is known of a write that did not succeed. */
export const outcomeOf = (error: DeviceError.CommandError | ActorError.AskError): WriteOutcome => {
  switch (error._tag) {
    case "CommandRejected":
      return "rejected"
    case "CommandFailed":
      return "failed"
    case "ResultInvalid":
      return "done"
    case "OutcomeUnknown":
    case "ActorCrashed":
    case "DeliveryUnknown":
    case "MessageQuarantined":
      return "unknown"
    case "MessageInvalid":
      return error.part === "payload" ? "not-sent" : "unknown"
    case "AskTimeout":
      return error.outcome === "not-handled" ? "not-sent" : "unknown"
    case "DeviceUnavailable":
    case "JournalUnavailable":
    case "CommandCancelled":
    case "ActorStopped":
    case "NotDelivered":
    case "MailboxFull":
    case "StashFull":
    case "ActorNotRegistered":
      return "not-sent"
  }
}
