/**
 * A circuit breaker: after a number of failures in a row it refuses calls for a while, then lets a
 * single one through to see. Source of the pattern: M. Nygard, "Release It!", 2007.
 */
import { Duration, Effect, Exit, Schema } from "effect"

/** When to open, and for how long. */
export interface Settings {
  /** How many failures in a row open the breaker; at least 1. */
  readonly failuresMax: number
  /** How long it stays open before one call may try. */
  readonly cooldown: Duration.DurationInput
}

/** Five failures in a row open it for five seconds. */
export const standard: Settings = { failuresMax: 5, cooldown: "5 seconds" }

/** Where a breaker stands; times in milliseconds of the clock that is given to `admit`. */
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

/** The state after an admitted call ended, well or not, at `now`. */
export const report = (
  settings: Settings,
  state: State,
  call: { readonly ok: boolean; readonly now: number }
): State => {
  if (call.ok) return state._tag === "Open" ? state : initial
  const failures = state._tag === "Closed" ? state.failures + 1 : settings.failuresMax
  return failures >= settings.failuresMax
    ? { _tag: "Open", until: call.now + Duration.toMillis(settings.cooldown) }
    : { _tag: "Closed", failures }
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
  readonly state: Effect.Effect<State>
  readonly run: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpen, R>
}

/** Makes a closed breaker; `name` stands in the error of a refused call. */
export const make = (name: string, settings: Settings = standard): Effect.Effect<CircuitBreaker> =>
  Effect.map(Effect.clock, (clock) => {
    let state: State = initial
    const now = () => clock.unsafeCurrentTimeMillis()
    const settle = (exit: Exit.Exit<unknown, unknown>) =>
      Effect.sync(() => {
        if (Exit.isInterrupted(exit)) {
          if (state._tag === "HalfOpen") state = { _tag: "Open", until: now() }
          return
        }
        state = report(settings, state, { ok: Exit.isSuccess(exit), now: now() })
      })
    return {
      state: Effect.sync(() => state),
      run: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.suspend((): Effect.Effect<A, E | CircuitOpen, R> => {
          const [next, admitted] = admit(state, now())
          state = next
          if (admitted) return Effect.onExit(effect, settle)
          const retryAfterMillis = state._tag === "Open" ? Math.max(0, state.until - now()) : 0
          return Effect.fail(new CircuitOpen({ name, retryAfterMillis }))
        })
    }
  })
