/**
 * One life of an actor between two builds: its timers, pipes and watches, which all end with it.
 */
import { Context, Duration, Effect, type Exit, Fiber, Scope } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { ActorContextService, EndReason } from "../../ActorContext.ts"
import { pipesMax, turnsQueuedMax } from "../../ActorContext.ts"
import { CannotWatchItself, LimitExceeded, type StopReason } from "../../ActorError.ts"
import type { Terminated, Watch } from "../../DeathWatch.ts"
import { watchesMax } from "../../DeathWatch.ts"
import { timersMax } from "../../Timers.ts"
import { Turn } from "./envelope.ts"
import type { Host } from "./host.ts"
import { hold, type Postbox } from "./postbox.ts"
import { ReceiveTimer, Timer } from "./timer.ts"
import type { Timetable } from "./timetable.ts"

/** What an incarnation needs of its actor. */
export interface Home {
  readonly address: ActorAddress
  readonly host: Pick<Host, "node">
  readonly timetable: Timetable
  readonly postbox: Postbox
  readonly offerTurn: (turn: Turn) => void
  readonly withdrawTurn: (turn: Turn) => void
  readonly stop: (reason: StopReason) => void
  /** Why the incarnation ends; asked once it does. */
  readonly endReason: () => EndReason
  readonly watch: (target: ActorAddress, notify: (terminated: Terminated) => void) => () => void
  /** Whether the node may run the actor still. */
  readonly hasLease: () => boolean
  /** Whether a message is being handled, or waits. */
  readonly hasMessages: () => boolean
}

/** The facilities of one incarnation. */
export class Incarnation {
  readonly number: number
  readonly scope: Scope.CloseableScope
  private readonly home: Home
  private readonly timers = new Map<string, Timer>()
  /** Pipes whose effect runs, or whose turn waits. */
  private piped = 0
  private readonly pipes = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  private readonly watches = new Set<() => void>()
  private receiving: ReceiveTimer | undefined = undefined
  private ended = false

  constructor(home: Home, number: number, scope: Scope.CloseableScope) {
    this.home = home
    this.number = number
    this.scope = scope
  }

  /** Whether something is pending that would be lost if the actor were passivated. */
  get isPending(): boolean {
    return this.timers.size > 0 || this.piped > 0 || this.watches.size > 0
      || this.receiving !== undefined
  }

  /** A message was taken: the time without one begins anew. */
  onMessage(): void {
    this.receiving?.touch()
  }

  /** Cancels timers and watches; gives the fibers that are to be interrupted. */
  end(): ReadonlyArray<Fiber.RuntimeFiber<unknown, unknown>> {
    this.ended = true
    for (const timer of this.timers.values()) timer.cancel()
    this.timers.clear()
    this.receiving?.cancel()
    this.receiving = undefined
    for (const unwatch of this.watches) unwatch()
    this.watches.clear()
    return [...this.pipes]
  }

  /** What the handlers see of it. */
  context(): ActorContextService {
    const { home, number, scope } = this
    const stopAs = (reason: StopReason) =>
      Effect.sync(() => {
        // One that has ended says nothing of the next.
        if (!this.ended) home.stop(reason)
      })
    return {
      address: home.address,
      node: home.host.node,
      incarnation: number,
      stopSelf: stopAs("stopped"),
      stopAs,
      hasLease: home.hasLease,
      onEnd: (finalizer) =>
        Scope.addFinalizer(scope, Effect.suspend(() => finalizer(home.endReason()))),
      timers: {
        once: (key, after, run) => this.timer({ key, after, run, periodic: false }),
        every: (key, interval, run) => this.timer({ key, after: interval, run, periodic: true }),
        cancel: (key) => Effect.sync(() => this.cancel(key)),
        cancelAll: Effect.sync(() => {
          for (const key of this.timers.keys()) this.cancel(key)
        }),
        isActive: (key) => Effect.sync(() => this.timers.has(key))
      },
      stash: {
        hold,
        unstashAll: Effect.sync(() => {
          if (!this.ended) home.postbox.unstashAll()
        }),
        size: Effect.sync(() => home.postbox.stashed)
      },
      pipeToSelf: (effect, onExit) => this.pipe(effect, onExit),
      inTurn: (run) =>
        withServices(run, (run) =>
          Effect.suspend(() => {
            if (home.postbox.turnsQueued >= turnsQueuedMax) {
              return this.exceeded("turnsQueuedMax", turnsQueuedMax)
            }
            if (!this.ended) home.offerTurn(new Turn("inTurn", run))
            return Effect.void
          })),
      receiveTimeout: (after, run) =>
        withServices(
          run,
          (run) => Effect.suspend(() => this.receive(Duration.toMillis(after), run))
        ),
      watch: (target, onTerminated) => this.watch(target, onTerminated)
    }
  }

  private timer<R>(options: {
    readonly key: string
    readonly after: Duration.DurationInput
    readonly run: Effect.Effect<void, never, R>
    readonly periodic: boolean
  }): Effect.Effect<void, never, R> {
    const { key, periodic } = options
    return withServices(options.run, (run) =>
      Effect.suspend(() => {
        this.cancel(key)
        if (this.ended) return Effect.void
        if (this.timers.size >= timersMax) return this.exceeded("timersMax", timersMax)
        const millis = Duration.toMillis(options.after)
        const least = periodic ? 1 : 0
        if (!(millis >= least)) return tooShort(`timer ${key}`, millis, least)
        const turn: Turn = new Turn(
          `timer:${key}`,
          unless(() => this.timers.get(key) !== timer, () => {
            if (!periodic) this.timers.delete(key)
            return run
          })
        )
        const timer: Timer = new Timer(this.home, { millis, periodic, turn })
        this.timers.set(key, timer)
        return Effect.void
      }))
  }

  private cancel(key: string): void {
    const timer = this.timers.get(key)
    if (timer === undefined) return
    this.timers.delete(key)
    timer.cancel()
  }

  private receive(millis: number, run: Effect.Effect<void>): Effect.Effect<void> {
    if (!(millis >= 1)) return tooShort("receiveTimeout", millis, 1)
    this.receiving?.cancel()
    this.receiving = undefined
    if (this.ended || millis === Number.POSITIVE_INFINITY) return Effect.void
    const turn: Turn = new Turn("receiveTimeout", unless(() => this.receiving !== timer, () => run))
    const timer: ReceiveTimer = new ReceiveTimer(this.home, millis, turn)
    this.receiving = timer
    return Effect.void
  }

  private pipe<A, E, R, R2>(
    effect: Effect.Effect<A, E, R>,
    onExit: (exit: Exit.Exit<A, E>) => Effect.Effect<void, never, R2>
  ): Effect.Effect<void, never, R | R2> {
    return Effect.contextWithEffect((services: Context.Context<R2>) => {
      if (this.ended) return Effect.void
      if (this.piped >= pipesMax) return this.exceeded("pipesMax", pipesMax)
      this.piped++
      return Effect.map(Effect.forkDaemon(Effect.interruptible(effect)), (fiber) => {
        this.pipes.add(fiber)
        fiber.addObserver((exit) => {
          this.pipes.delete(fiber)
          if (this.ended) return
          const run = unless(() => this.ended, () => {
            this.piped--
            return Effect.provide(onExit(exit), services)
          })
          this.home.offerTurn(new Turn("pipeToSelf", run))
        })
      })
    })
  }

  private watch<R>(
    target: ActorAddress,
    onTerminated: (terminated: Terminated) => Effect.Effect<void, never, R>
  ): Effect.Effect<Watch, CannotWatchItself, R> {
    return Effect.contextWithEffect((services: Context.Context<R>) => {
      const { address } = this.home
      if (target.type === address.type && target.id === address.id) {
        return Effect.fail(new CannotWatchItself({ address }))
      }
      if (this.ended) return Effect.succeed({ unwatch: Effect.void })
      if (this.watches.size >= watchesMax) return this.exceeded("watchesMax", watchesMax)
      let turn: Turn | undefined
      let over = false
      const unwatch = () => {
        over = true
        stopWatching()
        this.watches.delete(unwatch)
        if (turn !== undefined) this.home.withdrawTurn(turn)
      }
      const notify = (terminated: Terminated) => {
        if (over) return
        const told = unless(() => over, () => {
          this.watches.delete(unwatch)
          return onTerminated(terminated)
        })
        turn = new Turn("Terminated", Effect.provide(told, services))
        this.home.offerTurn(turn)
      }
      const stopWatching = this.home.watch(target, notify)
      this.watches.add(unwatch)
      return Effect.succeed({ unwatch: Effect.sync(unwatch) })
    })
  }

  private exceeded(limit: LimitExceeded["limit"], max: number): Effect.Effect<never> {
    return Effect.die(new LimitExceeded({ address: this.home.address, limit, max }))
  }
}

/** A turn that was cancelled after it had left its queue does nothing. */
const unless = <A, E, R>(isOver: () => boolean, run: () => Effect.Effect<A, E, R>) =>
  Effect.suspend((): Effect.Effect<A | void, E, R> => isOver() ? Effect.void : run())

const tooShort = (what: string, millis: number, least: number): Effect.Effect<never> =>
  Effect.die(new RangeError(`${what}: ${millis} ms, expected at least ${least} ms`))

/** Gives `use` the effect with the services of the caller, so that it can be run by anybody. */
const withServices = <A, E, R, B, E2>(
  run: Effect.Effect<A, E, R>,
  use: (run: Effect.Effect<A, E>) => Effect.Effect<B, E2>
): Effect.Effect<B, E2, R> =>
  Effect.contextWithEffect((services: Context.Context<R>) =>
    use(services.unsafeMap.size === 0 ? run as Effect.Effect<A, E> : Effect.provide(run, services))
  )
