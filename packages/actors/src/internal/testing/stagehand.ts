/** A context for one incarnation of a behaviour: it keeps what would run, and runs nothing. */
import { Context, Duration, Effect, type Exit, Schema, Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { ActorContextService, EndReason } from "../../ActorContext.ts"
import { CannotWatchItself } from "../../ActorError.ts"
import type { Deed } from "../../Behaviour.ts"
import type { Terminated } from "../../DeathWatch.ts"

/** The behaviour left nothing of the kind to be run. */
export class NothingToRun extends Schema.TaggedError<NothingToRun>()("NothingToRun", {
  what: Schema.String,
  /** What there is instead. */
  there: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const { there } = this
    const others = there.length === 0 ? "" : `; there is: ${there.join(", ")}`
    return `there is no ${this.what}${others}`
  }
}

/** The handler put the message aside. */
export class Stashed extends Schema.TaggedError<Stashed>()("Stashed", { tag: Schema.String }) {
  override get message(): string {
    return `${this.tag} was put aside, and is handled when the stash is given back`
  }
}

/** The defect by which a handler puts its message aside. */
export const aside = Symbol.for("@plantd/actors/Behaviour/aside")

/** Something for the behaviour's own turn. */
export interface Turn {
  readonly tag: string
  readonly run: Effect.Effect<unknown, unknown>
}

/** A timer, with what it runs. */
export interface Ticking {
  readonly key: string
  readonly millis: number
  readonly periodic: boolean
  readonly run: Effect.Effect<void>
}

/** A watch, with what it tells. */
export interface Watching {
  readonly address: ActorAddress
  readonly tell: (terminated: Terminated) => Effect.Effect<void>
}

/** An effect that runs beside, and what is done with its end. */
export interface Pipe {
  readonly effect: Effect.Effect<unknown, unknown>
  readonly onExit: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/** What outlasts an incarnation. */
export interface Stage {
  readonly address: ActorAddress
  readonly deeds: Array<Deed>
  /** Messages put aside. */
  stash: Array<Turn>
  /** What runs next, in this order. */
  queue: Array<Turn>
  endReason: EndReason
}

/** See the module. */
export class Stagehand {
  readonly scope: Scope.CloseableScope
  readonly timers = new Map<string, Ticking>()
  readonly pipes: Array<Pipe> = []
  readonly watches = new Set<Watching>()
  idle: Effect.Effect<void> | undefined = undefined
  private readonly stage: Stage

  constructor(stage: Stage, scope: Scope.CloseableScope) {
    this.stage = stage
    this.scope = scope
  }

  /** What the behaviour gets. */
  context(incarnation: number): ActorContextService {
    const { scope, stage } = this
    const { deeds } = stage
    const stopAs: ActorContextService["stopAs"] = (reason) =>
      Effect.sync(() => void deeds.push({ _tag: "Stopping", reason }))
    return {
      address: stage.address,
      incarnation,
      stopAs,
      stopSelf: stopAs("stopped"),
      onEnd: (finalizer) =>
        Scope.addFinalizer(scope, Effect.suspend(() => finalizer(stage.endReason))),
      timers: {
        once: (key, after, run) => this.start({ key, after, periodic: false }, run),
        every: (key, interval, run) => this.start({ key, after: interval, periodic: true }, run),
        cancel: (key) => Effect.sync(() => this.cancel(key)),
        cancelAll: Effect.sync(() => {
          for (const key of this.timers.keys()) this.cancel(key)
        }),
        isActive: (key) => Effect.sync(() => this.timers.has(key))
      },
      stash: {
        hold: Effect.die(aside),
        unstashAll: Effect.sync(() => {
          deeds.push({ _tag: "Unstashed", count: stage.stash.length })
          stage.queue.unshift(...stage.stash.splice(0))
        }),
        size: Effect.sync(() => stage.stash.length)
      },
      pipeToSelf: (effect, onExit) => this.pipe(effect, onExit),
      inTurn: (run) =>
        provided(run, (run) => Effect.sync(() => void stage.queue.push({ tag: "inTurn", run }))),
      node: "node",
      hasLease: () => true,
      receiveTimeout: (after, run) =>
        provided(run, (run) =>
          Effect.sync(() => {
            const millis = Duration.toMillis(after)
            this.idle = millis === Number.POSITIVE_INFINITY ? undefined : run
            deeds.push({ _tag: "ReceiveTimeoutSet", millis })
          })),
      watch: (target, onTerminated) => this.watch(target, onTerminated)
    }
  }

  private start<R>(
    { after, key, periodic }: {
      readonly key: string
      readonly after: Duration.DurationInput
      readonly periodic: boolean
    },
    run: Effect.Effect<void, never, R>
  ): Effect.Effect<void, never, R> {
    return provided(run, (run) =>
      Effect.sync(() => {
        const millis = Duration.toMillis(after)
        this.timers.set(key, { key, millis, periodic, run })
        this.stage.deeds.push({ _tag: "TimerStarted", key, millis, periodic })
      }))
  }

  private cancel(key: string): void {
    if (this.timers.delete(key)) this.stage.deeds.push({ _tag: "TimerCancelled", key })
  }

  private pipe<A, E, R, R2>(
    effect: Effect.Effect<A, E, R>,
    onExit: (exit: Exit.Exit<A, E>) => Effect.Effect<void, never, R2>
  ): Effect.Effect<void, never, R | R2> {
    return Effect.contextWith((services: Context.Context<R | R2>) => {
      this.pipes.push({
        effect: Effect.provide(effect, services),
        onExit: (exit) =>
          Effect.provide(Effect.suspend(() => onExit(exit as Exit.Exit<A, E>)), services)
      })
      this.stage.deeds.push({ _tag: "Piped" })
    })
  }

  private watch<R>(
    address: ActorAddress,
    onTerminated: (terminated: Terminated) => Effect.Effect<void, never, R>
  ) {
    return Effect.contextWithEffect((services: Context.Context<R>) => {
      const { deeds } = this.stage
      if (format(address) === format(this.stage.address)) {
        return Effect.fail(new CannotWatchItself({ address }))
      }
      const tell = (terminated: Terminated) =>
        Effect.provide(Effect.suspend(() => onTerminated(terminated)), services)
      const watching = { address, tell }
      this.watches.add(watching)
      deeds.push({ _tag: "Watched", address })
      const unwatch = Effect.sync(() => {
        if (this.watches.delete(watching)) deeds.push({ _tag: "Unwatched", address })
      })
      return Effect.succeed({ unwatch })
    })
  }
}

const provided = <R, A>(
  run: Effect.Effect<void, never, R>,
  use: (run: Effect.Effect<void>) => Effect.Effect<A>
): Effect.Effect<A, never, R> =>
  Effect.contextWithEffect((services: Context.Context<R>) => use(Effect.provide(run, services)))
