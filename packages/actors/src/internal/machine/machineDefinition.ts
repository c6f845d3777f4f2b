/** The definition of a state machine without its types: what the runtime of machines sees. */
import type { Duration, Effect } from "effect"
import type { EndReason } from "../../ActorContext.ts"
import type { Event, Transition } from "./machine.ts"

/** Where a machine is, as its handlers see it. */
export interface At {
  readonly state: string
  readonly data: unknown
}

/** A transition without its types. */
export type AnyTransition = Transition<string, unknown, unknown, Event, string>

/** What a handler returns. */
export type Outcome = AnyTransition | Effect.Effect<AnyTransition | void, unknown, unknown>

/** A time, and what is decided when it has passed. */
export interface Timeout {
  readonly after: Duration.DurationInput | ((data: unknown) => Duration.DurationInput)
  readonly run: (at: At) => Outcome
}

/** One state without its types. */
export interface ErasedState {
  readonly entry?: (at: At & { readonly from: string }) => Outcome | void
  readonly timeout?: Timeout
  readonly idle?: Timeout
  readonly on?: Readonly<Record<string, (payload: unknown, at: At) => Outcome>>
  readonly postpone?: ReadonlyArray<string>
  readonly timers?: Readonly<Record<string, (at: At) => Outcome>>
}

/** A definition without its types. */
export interface ErasedDefinition {
  readonly name: string
  /** The messages that the machine handles. */
  readonly tags: ReadonlyArray<string>
  readonly initial: string
  readonly data: unknown
  readonly states: Readonly<Record<string, ErasedState>>
  readonly common?: ErasedState["on"]
  readonly timers?: ErasedState["timers"]
  readonly terminate?: (reason: EndReason, at: At) => Effect.Effect<void, never, unknown>
  readonly onTransition?: (
    change: { readonly from: string; readonly to: string; readonly data: unknown }
  ) => Effect.Effect<void, never, unknown>
}
