/**
 * Where a device actor stands in its own life, apart from its link and from the device's states:
 * only an active one sends ordinary commands. Pure.
 * Source of the states: "Managed nodes", ROS 2 design, design.ros2.org/articles/node_lifecycle.
 */
import { Schema } from "effect"

/** Where a device actor stands. */
export const State = Schema.Literal(
  "unconfigured",
  "configuring",
  "inactive",
  "activating",
  "active",
  "deactivating",
  "shutting-down",
  "finalized",
  "error"
)
/**
 * Where a device actor stands.
 * - `configuring`: its configuration is read and its device claimed; `inactive` after that.
 * - `activating`: its link is opened, and what a former life left open is taken up.
 * - `active`: commands are taken.
 * - `inactive`: out of service: it reads and listens, and sends emergency commands alone.
 * - `error`: a step failed; its supervisor decides what is next.
 * - `finalized`: it has ended.
 */
export type State = typeof State.Type

const successors: Record<State, ReadonlyArray<State>> = {
  unconfigured: ["configuring", "shutting-down", "error"],
  configuring: ["inactive", "error"],
  inactive: ["activating", "configuring", "shutting-down", "error"],
  activating: ["active", "inactive", "error"],
  active: ["deactivating", "shutting-down", "error"],
  deactivating: ["inactive", "error"],
  "shutting-down": ["finalized", "error"],
  error: ["unconfigured", "shutting-down", "finalized"],
  finalized: []
}

/** True where an actor in state `from` may go on to state `to`. */
export const canFollow = (from: State, to: State): boolean => successors[from].includes(to)

/** Where a device actor stands, since when (ms since 1970-01-01 UTC), and why. */
export const Lifecycle = Schema.Struct({
  state: State,
  since: Schema.Number,
  /** Who took it out of service. */
  by: Schema.optionalWith(Schema.String, { exact: true }),
  reason: Schema.optionalWith(Schema.String, { exact: true })
})
/** Where a device actor stands, since when, and why. */
export interface Lifecycle extends Schema.Schema.Type<typeof Lifecycle> {}

/** The next one. Dies where it cannot follow: that is a programmer's error. */
export const advance = (
  from: Lifecycle,
  to: State,
  at: { readonly since: number; readonly by?: string; readonly reason?: string }
): Lifecycle => {
  if (!canFollow(from.state, to)) {
    throw new Error(`a device that is ${from.state} cannot become ${to}`)
  }
  return { state: to, ...at }
}
