/** The checks of a state machine's definition that types can make, with errors that can be read. */
import type { Effect } from "effect"

/** Where a tag has no place in a state, that state is compared with a sentence that says so. */
export type Complete<Defined, Tags extends string, Timers extends string> =
  & StatesComplete<Defined, Tags>
  & TimersComplete<Defined, Timers>

type StatesComplete<Defined, Tags extends string> = Defined extends
  { readonly states: infer States } ? {
    readonly states: {
      readonly [K in keyof States]: IsInferred<States[K]> extends true
        ? Sentence<K, Unplaced<States[K], KeysOf<Defined, "common">, Tags>>
        : unknown
    }
  }
  : unknown

type TimersComplete<Defined, Timers extends string> =
  [Exclude<Timers, KeysOf<Defined, "timers">>] extends [never] ? unknown
    : "timers" extends keyof Defined ? unknown
    : { readonly timers: `say what is done when timer ${Timers} is due` }

type Sentence<K, Tags> = [Tags] extends [never] ? unknown
  : `state ${K & string} has no place for ${Tags & string}: add it to on, postpone or common`

type Unplaced<State, Common, Tags> = Exclude<
  Tags,
  KeysOf<State, "on"> | PostponedBy<State> | Common
>

type KeysOf<X, P extends string> = X extends { readonly [K in P]: infer O } ? keyof O : never

type PostponedBy<X> = X extends { readonly postpone: ReadonlyArray<infer Tag> } ? Tag : never

/**
 * Before it has looked at the functions, the compiler tries the widest definition there could be,
 * in which everything is optional: that one is let through.
 */
type IsInferred<State> = "idle" extends keyof State ? {} extends State ? false : true : true

/** The services that the functions of a definition need. */
export type Needs<X> = X extends (...args: infer _Arguments) => infer Result ? NeedsOf<Result>
  : X extends ReadonlyArray<unknown> ? never
  : X extends object ? { readonly [K in keyof X]: Needs<X[K]> }[keyof X]
  : never

type NeedsOf<Result> = Result extends Effect.Effect<infer _A, infer _E, infer R> ? R : never
