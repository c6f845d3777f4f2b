/**
 * What can become of a command. An outcome is never guessed: where nobody can tell whether the
 * device acted, the outcome is `outcome-unknown`, and it is treated as such.
 */
import { Schema } from "effect"

/**
 * What a command does to its device, declared by its author; what may be retried follows from it.
 * - `read`: changes nothing; may be sent again at any time.
 * - `set`: brings about an absolute state; the same twice is the same once.
 * - `pulse`: each execution counts (toggle, increment, timed); never sent twice.
 */
export const Effect = Schema.Literal("read", "set", "pulse")
/** What a command does to its device: `read`, `set` or `pulse`. */
export type Effect = typeof Effect.Type

/** Where a command stands. */
export const State = Schema.Literal(
  "received",
  "accepted",
  "queued",
  "executing",
  "rejected",
  "expired",
  "cancelled",
  "succeeded",
  "failed",
  "outcome-unknown",
  "unresolved"
)
/** Where a command stands. */
export type State = typeof State.Type

/** Why a command was refused; a refused command was provably never executed. */
export const Rejection = Schema.Literal(
  "validation",
  "auth",
  "not-owner",
  "stale-fence",
  "state",
  "interlock",
  "busy",
  "expired",
  "duplicate-mismatch"
)
/** Why a command was refused; a refused command was provably never executed. */
export type Rejection = typeof Rejection.Type

const successors: Record<State, ReadonlyArray<State>> = {
  received: ["accepted", "rejected"],
  accepted: ["queued", "executing", "expired", "cancelled"],
  queued: ["executing", "expired", "cancelled"],
  executing: ["succeeded", "failed", "cancelled", "outcome-unknown"],
  "outcome-unknown": ["succeeded", "failed", "unresolved"],
  unresolved: ["succeeded", "failed"],
  rejected: [],
  expired: [],
  cancelled: [],
  succeeded: [],
  failed: []
}

/** True where a command in state `from` may go on to state `to`. */
export const canFollow = (from: State, to: State): boolean => successors[from].includes(to)

/** True where nothing can change any more. */
export const isFinal = (state: State): boolean => successors[state].length === 0

/** What is known of the way a failed command took: whether its first byte can have left. */
export type Sent = "not-sent" | "perhaps-sent"

/**
 * True where a command may be sent again by the runtime itself: a `read` always, any other only
 * while it provably was not sent. A `set` that was perhaps sent is read back first.
 */
export const mayResend = (effect: Effect, sent: Sent): boolean =>
  effect === "read" || sent === "not-sent"
