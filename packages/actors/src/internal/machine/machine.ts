/**
 * The pure core of a state machine: what one transition makes of it, and what is to be done for it.
 * The rules are those of Erlang/OTP's gen_statem.
 */
import { Duration } from "effect"

/** A message that a machine gives itself: of its own protocol, handled before any other message. */
export interface Event<Tag extends string = string, Payload = unknown> {
  readonly tag: Tag
  readonly payload: Payload
}

/** What every transition may do besides. */
export interface Also<D, E, Started extends string, Cancelled extends string = Started> {
  /** The new data; without it, the data stays as it is. */
  readonly data?: D
  /** Events to insert: handled at once, in this order, before every message that waits. */
  readonly next?: ReadonlyArray<E>
  /** Timers to start, by name, with their time; one that runs already is started anew. */
  readonly start?: { readonly [Name in Started]?: Duration.DurationInput }
  /** Timers to cancel. */
  readonly cancel?: ReadonlyArray<Cancelled>
}

/** Goes to a state; to go to the state at hand is to stay in it. */
export interface Goto<S extends string, D, Reply, E, T extends string> extends Also<D, E, T> {
  readonly _tag: "Goto"
  readonly state: S
  readonly reply?: Reply
}

/** Stays in the state at hand, whose timeout runs on. */
export interface Stay<D, Reply, E, T extends string> extends Also<D, E, T> {
  readonly _tag: "Stay"
  readonly reply?: Reply
}

/** Enters the state at hand once more. */
export interface Repeat<D, Reply, E, T extends string> extends Also<D, E, T> {
  readonly _tag: "Repeat"
  readonly reply?: Reply
}

/** Puts the event at hand aside until the state has changed; with `goto`, it changes right away. */
export interface Postpone<S extends string, D, E, T extends string> extends Also<D, E, T> {
  readonly _tag: "Postpone"
  readonly goto?: S
}

/** Ends the actor. */
export interface Stop<D, Reply> {
  readonly _tag: "Stop"
  readonly data?: D
  readonly reply?: Reply
}

/** What a handler decides: plain data. */
export type Transition<S extends string, D, Reply, E, T extends string> =
  | Goto<S, D, Reply, E, T>
  | Stay<D, Reply, E, T>
  | Repeat<D, Reply, E, T>
  | Postpone<S, D, E, T>
  | Stop<D, Reply>

/** A state machine at rest between two events. */
export interface Machine<S extends string = string, D = unknown> {
  readonly state: S
  readonly data: D
  /** Inserted events that are to be handled before any message, in order. */
  readonly inserted: ReadonlyArray<Event>
  /** Inserted events that wait for another state, oldest first; messages wait in the stash. */
  readonly postponed: ReadonlyArray<Event>
}

/** What is to be done for a transition, in order. */
export type Action =
  | { readonly _tag: "CancelTimeouts" }
  | { readonly _tag: "StartTimer"; readonly timer: string; readonly after: Duration.Duration }
  | { readonly _tag: "CancelTimer"; readonly timer: string }
  /** Puts the message at hand aside, behind those put aside before. */
  | { readonly _tag: "Hold" }
  /** Gives the postponed messages back before those that wait, with one that is being put aside. */
  | { readonly _tag: "Replay" }
  | { readonly _tag: "Enter"; readonly from: string }
  | { readonly _tag: "Stop" }

/** The most inserted events that one message can lead to, and the most that can be postponed. */
export const insertedEventsMax = 1_024

/** The machine before its first state is entered. */
export const begin = <S extends string, D>(state: S, data: D): Machine<S, D> => ({
  state,
  data,
  inserted: [],
  postponed: []
})

/** What is being handled: a message, an event that the machine inserted, or a timeout. */
export type Cause = "message" | "timeout" | Event

/**
 * The machine after a transition, and what is to be done. Throws a RangeError where the transition
 * is impossible: a timeout is postponed, or more than `insertedEventsMax` events are kept.
 */
export const step = <S extends string, D>(
  machine: Machine<S, D>,
  transition: Transition<S, D, unknown, Event, string>,
  cause: Cause = "message"
): readonly [Machine<S, D>, ReadonlyArray<Action>] => {
  if (transition._tag === "Stop") {
    const data = dataAfter(machine, transition)
    return [{ ...machine, data, inserted: [], postponed: [] }, [{ _tag: "Stop" }]]
  }
  const target = targetOf(transition)
  const postpones = transition._tag === "Postpone"
  const changes = target !== undefined && target !== machine.state
  const enters = changes || transition._tag === "Repeat"
  if (postpones && cause === "timeout") {
    throw new RangeError(`in state ${machine.state}: a timeout cannot be postponed`)
  }
  const postponed = postpones && typeof cause === "object"
    ? [...machine.postponed, cause]
    : machine.postponed
  const next = transition.next ?? []
  const after: Machine<S, D> = {
    state: changes ? target : machine.state,
    data: dataAfter(machine, transition),
    inserted: [...next, ...(changes ? postponed : []), ...machine.inserted],
    postponed: changes ? [] : postponed
  }
  checkBounds(after)
  return [after, [
    ...(enters ? [{ _tag: "CancelTimeouts" } as const] : []),
    ...timersOf(transition),
    ...(postpones && cause === "message" ? [{ _tag: "Hold" } as const] : []),
    ...(changes ? [{ _tag: "Replay" } as const] : []),
    ...(enters ? [{ _tag: "Enter", from: machine.state } as const] : [])
  ]]
}

/** The next inserted event, and the machine without it. */
export const pull = <S extends string, D>(
  machine: Machine<S, D>
): readonly [Machine<S, D>, Event | undefined] => {
  const [event, ...inserted] = machine.inserted
  return event === undefined ? [machine, undefined] : [{ ...machine, inserted }, event]
}

type Going<S extends string, D> = Exclude<
  Transition<S, D, unknown, Event, string>,
  Stop<D, unknown>
>

const targetOf = <S extends string, D>(transition: Going<S, D>): S | undefined => {
  switch (transition._tag) {
    case "Goto":
      return transition.state
    case "Postpone":
      return transition.goto
    case "Stay":
    case "Repeat":
      return undefined
  }
}

const dataAfter = <D>(machine: Machine<string, D>, transition: { readonly data?: D }): D =>
  "data" in transition ? transition.data : machine.data

const timersOf = (transition: Also<unknown, unknown, string>): ReadonlyArray<Action> => {
  const actions: Array<Action> = []
  for (const timer of transition.cancel ?? []) actions.push({ _tag: "CancelTimer", timer })
  for (const [timer, after] of Object.entries(transition.start ?? {})) {
    if (after === undefined) continue
    actions.push({ _tag: "StartTimer", timer, after: Duration.decode(after) })
  }
  return actions
}

const checkBounds = ({ inserted, postponed, state }: Machine): void => {
  if (inserted.length <= insertedEventsMax && postponed.length <= insertedEventsMax) return
  throw new RangeError(
    `in state ${state}: more than ${insertedEventsMax} inserted events are waiting`
  )
}
