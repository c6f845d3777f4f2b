/**
 * Effects that need no fiber. Half of all handlers do nothing but compute: to run such an effect at
 * once costs a tenth of what a fiber's turn costs. Whatever is not known here runs in a fiber, so
 * that another version of Effect costs speed at most.
 */
import { Effect, Exit } from "effect"

interface Primitive {
  readonly _op?: unknown
  readonly effect_instruction_i0?: unknown
}

/**
 * How an effect ends that is a value, a failure or one synchronous step; else `undefined`. Where
 * nobody asks for its value, `wanted` is false.
 */
export const immediate = (
  effect: Effect.Effect<unknown, unknown, unknown>,
  wanted: boolean
): Exit.Exit<unknown, unknown> | undefined => {
  const primitive = effect as Primitive
  switch (primitive._op) {
    case "Success":
    case "Failure":
      return effect as Exit.Exit<unknown, unknown>
    case "Sync": {
      try {
        const value = (primitive.effect_instruction_i0 as () => unknown)()
        return wanted ? Exit.succeed(value) : Exit.void
      } catch (defect) {
        return Exit.die(defect)
      }
    }
    default:
      return undefined
  }
}

/** Whether an effect needs no fiber: then it needs no services and no scope either. */
export const isImmediate = (effect: Effect.Effect<unknown, unknown, unknown>): boolean => {
  const { _op } = effect as Primitive
  return _op === "Success" || _op === "Failure" || _op === "Sync"
}

/** Whether a handler gave an effect; most are told by one look. */
export const isEffect = (value: unknown): value is Effect.Effect<unknown, unknown, unknown> =>
  typeof (value as Primitive | null | undefined)?._op === "string" || Effect.isEffect(value)
