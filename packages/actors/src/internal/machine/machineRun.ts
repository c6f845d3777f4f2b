/** Drives a state machine within its actor: its handlers, and what their transitions ask for. */
import { type Context, type Duration, Effect } from "effect"
import type { ActorContextService, EndReason } from "../../ActorContext.ts"
import {
  type Action,
  begin,
  type Cause,
  type Event,
  insertedEventsMax,
  type Machine,
  pull,
  step
} from "./machine.ts"
import type { AnyTransition, At, ErasedDefinition, Outcome, Timeout } from "./machineDefinition.ts"

const timeoutKey = "StateMachine/timeout"
const idleKey = "StateMachine/idle"
const timerKey = (name: string): string => `StateMachine/timer/${name}`

/** One incarnation of a state machine. Mutable; it handles one thing at a time. */
export class MachineRun {
  private readonly definition: ErasedDefinition
  private readonly actor: ActorContextService
  private readonly services: Context.Context<unknown>
  private machine: Machine
  private busy = false
  /** The message at hand is postponed: when all that follows from it is done, it is put aside. */
  private holding = false
  /** A state was left while a postponed message was at hand: it is yet to be replayed too. */
  private replayDue = false

  constructor(
    definition: ErasedDefinition,
    actor: ActorContextService,
    services: Context.Context<unknown>
  ) {
    this.definition = definition
    this.actor = actor
    this.services = services
    this.machine = begin(definition.initial, definition.data)
  }

  /** Enters the initial state. */
  readonly start: Effect.Effect<void> = Effect.suspend(() =>
    this.provided(this.exclusively("its start", this.enter(this.machine.state)))
  )

  /** Handles a message; succeeds with the answer. */
  handle(tag: string, payload: unknown): Effect.Effect<unknown, unknown> {
    if (this.replayDue) return this.actor.stash.hold
    return this.provided(
      this.exclusively(
        tag,
        Effect.suspend(() => this.dispatch({ tag, payload }, "message"))
      )
    )
  }

  /** Puts the machine in its safe state. */
  terminate(reason: EndReason): Effect.Effect<void> {
    const { terminate } = this.definition
    if (terminate === undefined) return Effect.void
    return this.provided(Effect.suspend(() => terminate(reason, this.at())))
  }

  // Events ---------------------------------------------------------------------------------------

  private dispatch(event: Event, cause: Cause): Effect.Effect<unknown, unknown, unknown> {
    const { common, states } = this.definition
    const state = states[this.machine.state]
    const own = state?.on?.[event.tag]
    if (own === undefined && state?.postpone?.includes(event.tag) === true) {
      return this.apply({ _tag: "Postpone" }, cause)
    }
    const handler = own ?? common?.[event.tag]
    if (handler === undefined) {
      return Effect.dieMessage(`state ${this.machine.state} has no handler for ${event.tag}`)
    }
    const handled = this.follow(handler(event.payload, this.at()), cause)
    return Effect.tapError(handled, () => this.startIdle())
  }

  private follow(outcome: Outcome, cause: Cause): Effect.Effect<unknown, unknown, unknown> {
    return Effect.isEffect(outcome)
      ? Effect.flatMap(outcome, (transition) => this.apply(transition ?? nothing, cause))
      : this.apply(outcome, cause)
  }

  /** Makes a transition with all that follows from it, and succeeds with its reply. */
  private apply(
    transition: AnyTransition,
    cause: Cause
  ): Effect.Effect<unknown, unknown, unknown> {
    const reply = "reply" in transition ? transition.reply : undefined
    const done = this.change(transition, cause).pipe(
      Effect.zipRight(this.startIdle()),
      Effect.zipRight(typeof cause === "object" ? Effect.void : this.drain(0))
    )
    return Effect.flatMap(
      done,
      () => cause === "message" && this.holding ? this.actor.stash.hold : Effect.succeed(reply)
    )
  }

  /** Handles the inserted events, and those that they insert; a typed error of one goes nowhere. */
  private drain(count: number): Effect.Effect<void, never, unknown> {
    return Effect.suspend(() => {
      const [machine, event] = pull(this.machine)
      if (event === undefined) return Effect.void
      if (count >= insertedEventsMax) {
        return Effect.dieMessage(
          `state ${machine.state} inserts ${event.tag} without end:`
            + ` more than ${insertedEventsMax} inserted events followed from one message`
        )
      }
      this.machine = machine
      return Effect.zipRight(Effect.ignore(this.dispatch(event, event)), this.drain(count + 1))
    })
  }

  // Transitions ----------------------------------------------------------------------------------

  /** Takes the step; what belongs to it is done as a whole, and the entry can be interrupted. */
  private change(transition: AnyTransition, cause: Cause): Effect.Effect<void, never, unknown> {
    const stepped = Effect.suspend(() => {
      const [machine, actions] = step(this.machine, transition, cause)
      this.machine = machine
      if (actions.some((action) => action._tag === "Hold")) this.holding = true
      if (actions.length === 0) return Effect.succeed(undefined)
      const entered = actions.find((action) => action._tag === "Enter")
      const others = Effect.forEach(actions, (action) => this.perform(action), { discard: true })
      return Effect.as(others, entered?.from)
    })
    return Effect.flatMap(
      Effect.uninterruptible(stepped),
      (from) => from === undefined ? Effect.void : this.enter(from)
    )
  }

  private perform(action: Action): Effect.Effect<void> {
    const { stash, stopSelf, timers } = this.actor
    switch (action._tag) {
      case "CancelTimeouts":
        return Effect.zipRight(timers.cancel(timeoutKey), timers.cancel(idleKey))
      case "CancelTimer":
        return timers.cancel(timerKey(action.timer))
      case "StartTimer":
        return this.startTimer(action.timer, action.after)
      case "Replay":
        return this.holding ? this.replayLater() : stash.unstashAll
      case "Stop":
        return stopSelf
      case "Hold": // done at last, since it ends the handler
      case "Enter":
        return Effect.void
    }
  }

  /**
   * The message at hand is to be put aside first. Newer messages that come before the turn are put
   * aside behind it, so all of them come back in their order.
   */
  private replayLater(): Effect.Effect<void> {
    if (this.replayDue) return Effect.void
    const replay = this.actor.inTurn(
      Effect.suspend(() => {
        this.replayDue = false
        return this.actor.stash.unstashAll
      })
    )
    // Only once it is queued: where that is a crash, nothing would ever end the wait for it.
    return Effect.map(replay, () => void (this.replayDue = true))
  }

  private enter(from: string): Effect.Effect<void, never, unknown> {
    return Effect.suspend(() => {
      const { onTransition, states } = this.definition
      const { data, state } = this.machine
      const entry = states[state]?.entry
      const told = onTransition?.({ from, to: state, data }) ?? Effect.void
      const entered = Effect.suspend(() => {
        const outcome = entry?.({ state, data, from })
        return Effect.isEffect(outcome) ? outcome : Effect.succeed(outcome)
      })
      return told.pipe(
        Effect.zipRight(entered),
        Effect.flatMap((kept) => kept === undefined ? Effect.void : this.keep(kept)),
        // Where supervision goes on after a crash, a state without its timeout would last for ever.
        Effect.onError(() => this.startTimeouts()),
        Effect.zipRight(this.startTimeouts())
      ) as Effect.Effect<void, never, unknown>
    })
  }

  /** An entry may change the data and the timers, and nothing else, as in gen_statem. */
  private keep(kept: AnyTransition): Effect.Effect<void, never, unknown> {
    return kept._tag === "Stay" && kept.next === undefined
      ? this.change(kept, "timeout")
      : Effect.dieMessage(`the entry of state ${this.machine.state} can only stay in it`)
  }

  // Time -----------------------------------------------------------------------------------------

  private startTimeouts(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const timeout = this.definition.states[this.machine.state]?.timeout
      return Effect.zipRight(this.arm(timeoutKey, timeout), this.startIdle())
    })
  }

  private startIdle(): Effect.Effect<void> {
    return Effect.suspend(() => this.arm(idleKey, this.definition.states[this.machine.state]?.idle))
  }

  private arm(key: string, timeout: Timeout | undefined): Effect.Effect<void> {
    if (timeout === undefined) return Effect.void
    const { after, run } = timeout
    const time = typeof after === "function" ? after(this.machine.data) : after
    return this.actor.timers.once(key, time, this.onTime(key, run))
  }

  private startTimer(name: string, after: Duration.Duration): Effect.Effect<void> {
    if (this.handlerOf(name) === undefined) {
      return Effect.dieMessage(`state ${this.machine.state} has no handler for timer ${name}`)
    }
    const run = Effect.suspend(() => this.onTime(`timer ${name}`, this.handlerOf(name)))
    return this.actor.timers.once(timerKey(name), after, run)
  }

  private handlerOf(timer: string): ((at: At) => Outcome) | undefined {
    const { states, timers } = this.definition
    return states[this.machine.state]?.timers?.[timer] ?? timers?.[timer]
  }

  private onTime(
    what: string,
    run: ((at: At) => Outcome) | undefined
  ): Effect.Effect<void> {
    if (run === undefined) return Effect.void
    const handled = Effect.suspend(() => this.follow(run(this.at()), "timeout"))
    return Effect.asVoid(Effect.orDie(this.provided(this.exclusively(what, handled))))
  }

  // Mechanics ------------------------------------------------------------------------------------

  private at(): At {
    const { data, state } = this.machine
    return { state, data }
  }

  private exclusively<A, E, R>(
    what: string,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      if (this.busy) {
        return Effect.dieMessage(
          `${this.definition.name} is a state machine and handles one message at a time, but`
            + ` ${what} came beside another; set its concurrency to 1`
        )
      }
      this.busy = true
      return Effect.ensuring(effect, this.release)
    })
  }

  private readonly release: Effect.Effect<void> = Effect.sync(() => {
    this.busy = false
    this.holding = false
    // After a crash that is survived, what the message inserted is lost with it.
    if (this.machine.inserted.length > 0) this.machine = { ...this.machine, inserted: [] }
  })

  private provided<A, E>(effect: Effect.Effect<A, E, unknown>): Effect.Effect<A, E> {
    return Effect.provide(effect, this.services)
  }
}

const nothing: AnyTransition = { _tag: "Stay" }
