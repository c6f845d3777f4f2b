/**
 * What becomes of an actor that crashed. Pure: `onCrash` takes the past and gives the decision; the
 * runtime carries it out. The restart intensity is that of Erlang/OTP's supervisors: a sliding
 * window, counted per instance.
 */
import { Backoff } from "@plantd/core"
import { type Cause, Duration } from "effect"
import {
  checkedCount,
  checkedMillis,
  checkedMillisOrNone,
  checkedNumber
} from "./internal/checked.ts"

/** How long to wait between restarts, and after which quiet time to begin anew. */
export interface RestartBackoff extends Backoff.Backoff {
  /** An incarnation that ran this long without a crash starts the delays from `min` again. */
  readonly resetAfter: Duration.DurationInput
}

/** What to do after a crash: fixed, or chosen by its cause. */
export type Supervision =
  | Fixed
  | { readonly _tag: "By"; readonly choose: (cause: Cause.Cause<unknown>) => Fixed }

/** What to do after a crash, whatever its cause. */
export type Fixed =
  | { readonly _tag: "Stop" }
  | { readonly _tag: "Escalate" }
  | { readonly _tag: "Resume" }
  | {
    readonly _tag: "Restart"
    readonly maxRestarts: number
    readonly withinMillis: number
    readonly backoff: RestartBackoff
  }

/** A crash stops the actor; messages to it fail with `ActorStopped` until it is revived. */
export const stop: Fixed = { _tag: "Stop" }

/** A crash is reported, and the actor goes on with the state it has. */
export const resume: Fixed = { _tag: "Resume" }

/** A crash is a crash of the actor's supervisor, which ends; without one it is as `stop`. */
export const escalate: Fixed = { _tag: "Escalate" }

/** Chooses by the cause of each crash. Should `choose` itself throw, the actor stops. */
export const by = (choose: (cause: Cause.Cause<unknown>) => Fixed): Supervision => ({
  _tag: "By",
  choose
})

/** What a supervision says to a cause. Total; never throws. */
export const resolve = (supervision: Supervision, cause: Cause.Cause<unknown>): Fixed => {
  if (supervision._tag !== "By") return supervision
  try {
    return supervision.choose(cause)
  } catch {
    return stop
  }
}

/** What `restart` takes; each has a default. */
export interface RestartOptions {
  /** The most restarts within the window; the next crash stops the actor. Default 5. */
  readonly maxRestarts?: number
  /** The length of the sliding window. Default 10 seconds. */
  readonly within?: Duration.DurationInput
  /** Default: 100 ms, doubling to 10 s, a fifth at random, anew after 30 quiet seconds. */
  readonly backoff?: Partial<RestartBackoff>
}

/**
 * A crash builds the actor anew after a delay, at most `maxRestarts` times `within` a window.
 * Throws a `RangeError` for an option that would switch the limit or the delays off: a window of
 * none, a negative time, a factor below 1, a jitter that is no part of 1.
 */
export const restart = (options: RestartOptions = {}): Fixed => {
  const maxRestarts = checkedCount(given("maxRestarts"), options.maxRestarts ?? 5, 0)
  const withinMillis = checkedMillis(given("within"), options.within ?? "10 seconds")
  const backoff = { ...Backoff.standard, resetAfter: "30 seconds", ...options.backoff } as const
  checkedMillisOrNone(given("backoff.min"), backoff.min)
  checkedMillisOrNone(given("backoff.max"), backoff.max)
  checkedMillisOrNone(given("backoff.resetAfter"), backoff.resetAfter)
  checkedNumber(given("backoff.factor"), backoff.factor, { least: 1 })
  checkedNumber(given("backoff.jitter"), backoff.jitter, { least: 0, most: 1 })
  return { _tag: "Restart", maxRestarts, withinMillis, backoff }
}

const given = (option: string) => ({ at: "Supervision.restart", option })

/** What is remembered of an instance's crashes; bounded by `maxRestarts`. */
export interface History {
  /** When it was restarted, oldest first, in milliseconds; only those within the window. */
  readonly restarts: ReadonlyArray<number>
  /** How many restarts in a row came without a quiet time between. */
  readonly attempt: number
}

/** The history of an instance that never crashed. */
export const untroubled: History = { restarts: [], attempt: 0 }

/** What the runtime is to do. */
export type Directive =
  | { readonly _tag: "Stop"; readonly reason: "crashed" | "restart-limit" }
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Escalate" }
  | { readonly _tag: "Restart"; readonly delayMillis: number }

/** The facts of a crash: why, when, when its incarnation began, a random number in [0, 1). */
export interface Crash {
  readonly cause: Cause.Cause<unknown>
  readonly now: number
  readonly startedAt: number
  readonly random: number
}

/** The decision after a crash, and the history to keep. Total; never throws. */
export const onCrash = (
  chosen: Supervision,
  history: History,
  crash: Crash
): readonly [History, Directive] => {
  const supervision = resolve(chosen, crash.cause)
  switch (supervision._tag) {
    case "Stop":
      return [history, { _tag: "Stop", reason: "crashed" }]
    case "Resume":
      return [history, { _tag: "Resume" }]
    case "Escalate":
      return [history, { _tag: "Escalate" }]
    case "Restart": {
      const { backoff, maxRestarts, withinMillis } = supervision
      const recent = history.restarts.filter((at) => crash.now - at < withinMillis)
      if (recent.length >= maxRestarts) {
        return [{ ...history, restarts: recent }, { _tag: "Stop", reason: "restart-limit" }]
      }
      const quiet = crash.now - crash.startedAt >= Duration.toMillis(backoff.resetAfter)
      const attempt = quiet ? 0 : history.attempt
      const delayMillis = Backoff.delayMillis(backoff, attempt, crash.random)
      return [
        { restarts: [...recent, crash.now], attempt: attempt + 1 },
        { _tag: "Restart", delayMillis }
      ]
    }
  }
}
