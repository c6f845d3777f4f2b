/**
 * A circuit breaker: after a number of failures in a row it refuses calls for a while, then lets a
 * single one through to see. Source of the pattern: M. Nygard, "Release It!", 2007.
 */
import { Cause, Duration, Effect, Exit, Schema } from "effect"
import * as Monotonic from "./Monotonic.ts"

/** When to open, and for how long. */
export interface Settings {
  /** How many failures in a row open the breaker; at least 1. */
  readonly failuresMax: number
  /** How long it stays open before one call may try. */
  readonly cooldown: Duration.DurationInput
}

/** Five failures in a row open it for five seconds. */
export const standard: Settings = { failuresMax: 5, cooldown: "5 seconds" }

/** Where a breaker stands; times in milliseconds of the `now` that is given to `admit`. */
export type State =
  | { readonly _tag: "Closed"; readonly failures: number }
  | { readonly _tag: "Open"; readonly until: number }
  | { readonly _tag: "HalfOpen" }

/** The state of a new breaker: closed, without a failure. */
export const initial = { _tag: "Closed", failures: 0 } as const satisfies State

/** Whether a call may go ahead at `now`, and the state after that answer. */
export const admit = (state: State, now: number): readonly [State, boolean] => {
  switch (state._tag) {
    case "Closed":
      return [state, true]
    case "HalfOpen":
      return [state, false]
    case "Open":
      return now >= state.until ? [{ _tag: "HalfOpen" }, true] : [state, false]
  }
}

/** How an admitted call ended. */
export interface Call {
  /** `interrupted` tells nothing of the callee. */
  readonly outcome: "ok" | "failed" | "interrupted"
  /** True for the single call that a half-open breaker let through. */
  readonly trial: boolean
  /** When it ended, in the milliseconds that `admit` is given. */
  readonly now: number
}

/**
 * The state after an admitted call ended. Only the trial moves a half-open breaker; a call from
 * before it opened, that ends late, neither closes it nor prolongs the cooldown.
 */
export const report = (settings: Settings, state: State, call: Call): State => {
  if (state._tag === "Open" || (state._tag === "HalfOpen" && !call.trial)) return state
  switch (call.outcome) {
    case "ok":
      return initial
    case "interrupted":
      return state._tag === "HalfOpen" ? { _tag: "Open", until: call.now } : state
    case "failed": {
      const failures = state._tag === "Closed" ? state.failures + 1 : settings.failuresMax
      return failures >= settings.failuresMax
        ? { _tag: "Open", until: call.now + Duration.toMillis(settings.cooldown) }
        : { _tag: "Closed", failures }
    }
  }
}

/** The call was refused and not made: too many before it failed. Provably nothing happened. */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  name: Schema.String,
  retryAfterMillis: Schema.Number
}) {
  override get message(): string {
    return `${this.name}: not called, since its last calls failed;`
      + ` the next try is in ${Math.ceil(this.retryAfterMillis)} ms`
  }
}

/** A breaker around calls. An interrupted call counts neither as a success nor as a failure. */
export interface CircuitBreaker {
  /** Where it stands now. */
  readonly state: Effect.Effect<State>
  /** Makes the call, or fails with `CircuitOpen` and provably does not. */
  readonly run: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpen, R>
}

/**
 * Makes a closed breaker; `name` stands in the error of a refused call. Its times are unmoved by
 * adjustments of the wall clock.
 */
export const make = (name: string, settings: Settings = standard): Effect.Effect<CircuitBreaker> =>
  Effect.map(Effect.clock, (clock) => {
    let state: State = initial
    const settle = (exit: Exit.Exit<unknown, unknown>, trial: boolean) =>
      Effect.sync(() => {
        state = report(settings, state, {
          outcome: outcomeOf(exit),
          trial,
          now: Monotonic.millis(clock)
        })
      })
    const refused = (now: number) => {
      const retryAfterMillis = state._tag === "Open" ? Math.max(0, state.until - now) : 0
      return Effect.fail(new CircuitOpen({ name, retryAfterMillis }))
    }
    return {
      state: Effect.sync(() => state),
      // Uninterruptible from admission to settlement: a trial that got lost would refuse forever.
      run: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.uninterruptibleMask((restore): Effect.Effect<A, E | CircuitOpen, R> => {
          const now = Monotonic.millis(clock)
          const [next, admitted] = admit(state, now)
          state = next
          if (!admitted) return refused(now)
          const trial = next._tag === "HalfOpen"
          return Effect.onExit(restore(effect), (exit) => settle(exit, trial))
        })
    }
  })

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): Call["outcome"] => {
  if (Exit.isSuccess(exit)) return "ok"
  return Cause.isInterruptedOnly(exit.cause) ? "interrupted" : "failed"
}
