/** Runs a behaviour step by step, as a test says. Types end here. */
import type { Rpc } from "@effect/rpc"
import { Context, Effect, Exit, Scope } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import { ActorContext, type EndReason, turnsQueuedMax } from "../../ActorContext.ts"
import type { StopReason } from "../../ActorError.ts"
import type { Deed, Timer } from "../../Behaviour.ts"
import type { Terminated } from "../../DeathWatch.ts"
import { constructorOf } from "../engine/construct.ts"
import { aside, NothingToRun, type Stage, Stagehand, Stashed, type Turn } from "./stagehand.ts"

interface Ingredients {
  readonly requests: ReadonlyMap<string, Rpc.Any>
  readonly address: ActorAddress
  readonly build: object
  readonly context: Context.Context<never>
}

type Handler = (
  payload: unknown,
  message: { readonly tag: string; readonly deadline: number; readonly id: undefined }
) => unknown

/** See the module. */
export class Rehearsal {
  readonly address: ActorAddress
  readonly deeds: Array<Deed> = []
  incarnation = 0
  private readonly ingredients: Ingredients
  private readonly stage: Stage
  private stagehand: Stagehand | undefined = undefined
  private handlers: Readonly<Record<string, Handler>> = {}

  constructor(ingredients: Ingredients) {
    this.ingredients = ingredients
    const { address } = ingredients
    this.address = address
    this.stage = { address, deeds: this.deeds, stash: [], queue: [], endReason: "stopped" }
  }

  /** Builds the first incarnation; it ends with the scope. */
  get begin(): Effect.Effect<void, never, Scope.Scope> {
    return Effect.zipRight(Effect.addFinalizer(() => this.end("stopped")), this.build)
  }

  readonly call = (tag: string, payload?: unknown): Effect.Effect<Exit.Exit<unknown, unknown>> =>
    Effect.suspend(() => {
      const rpc = this.ingredients.requests.get(tag)
      if (rpc === undefined) {
        return Effect.dieMessage(`${this.address.type} has no ${tag} in its protocol`)
      }
      const made = constructorOf((rpc as unknown as Rpc.AnyWithProps).payloadSchema)(payload)
      return this.perform(this.message(tag, made))
    })

  readonly tick = (key: string): Effect.Effect<Exit.Exit<unknown, unknown>, NothingToRun> =>
    Effect.suspend(() => {
      const timer = this.stagehand?.timers.get(key)
      if (timer === undefined) {
        const there = this.timers.map((timer) => timer.key)
        return Effect.fail(new NothingToRun({ what: `timer ${key}`, there }))
      }
      if (!timer.periodic) this.stagehand?.timers.delete(key)
      return this.perform({ tag: `timer:${key}`, run: timer.run })
    })

  get receiveTimeout(): Effect.Effect<Exit.Exit<unknown, unknown>, NothingToRun> {
    return Effect.suspend(() => {
      const run = this.stagehand?.idle
      return run === undefined
        ? Effect.fail(new NothingToRun({ what: "receive timeout", there: [] }))
        : this.perform({ tag: "receiveTimeout", run })
    })
  }

  readonly terminate = (
    address: ActorAddress,
    reason: Terminated["reason"] = "stopped"
  ): Effect.Effect<Exit.Exit<unknown, unknown>, NothingToRun> =>
    Effect.suspend(() => {
      const name = format(address)
      const watches = [...this.stagehand?.watches ?? []]
      const watch = watches.find((one) => format(one.address) === name)
      if (watch === undefined) {
        const there = this.watched.map(format)
        return Effect.fail(new NothingToRun({ what: `watch on ${name}`, there }))
      }
      this.stagehand?.watches.delete(watch)
      const run = watch.tell({ _tag: "Terminated", address, reason })
      return this.perform({ tag: "Terminated", run })
    })

  readonly finishPipe = (
    exit?: Exit.Exit<unknown, unknown>
  ): Effect.Effect<Exit.Exit<unknown, unknown>, NothingToRun> =>
    Effect.suspend(() => {
      const pipe = this.stagehand?.pipes.shift()
      if (pipe === undefined) return Effect.fail(new NothingToRun({ what: "pipe", there: [] }))
      return Effect.flatMap(
        exit === undefined ? Effect.exit(pipe.effect) : Effect.succeed(exit),
        (exit) => this.perform({ tag: "pipeToSelf", run: pipe.onExit(exit) })
      )
    })

  get timers(): ReadonlyArray<Timer> {
    const timers = [...this.stagehand?.timers.values() ?? []]
    return timers.map(({ key, millis, periodic }) => ({ key, millis, periodic }))
  }

  get watched(): ReadonlyArray<ActorAddress> {
    return Array.from(this.stagehand?.watches ?? [], ({ address }) => address)
  }

  get stashed(): ReadonlyArray<string> {
    return this.stage.stash.map(({ tag }) => tag)
  }

  get pipes(): number {
    return this.stagehand?.pipes.length ?? 0
  }

  get stopping(): StopReason | undefined {
    return this.deeds.find((deed) => deed._tag === "Stopping")?.reason
  }

  get restart(): Effect.Effect<void> {
    return Effect.zipRight(
      this.end("restarting"),
      Effect.suspend(() => {
        this.stage.queue.push(...this.stage.stash.splice(0))
        return this.build
      })
    )
  }

  readonly end = (reason: EndReason = "stopped"): Effect.Effect<void> =>
    Effect.suspend(() => {
      const { stagehand } = this
      if (stagehand === undefined) return Effect.void
      this.stage.endReason = reason
      this.stage.queue = []
      this.stagehand = undefined
      this.handlers = {}
      return Scope.close(stagehand.scope, Exit.void)
    })

  private get build(): Effect.Effect<void> {
    return Effect.flatMap(Scope.make(), (scope) => {
      const stagehand = this.stagehand = new Stagehand(this.stage, scope)
      this.incarnation++
      const { build, context } = this.ingredients
      if (!Effect.isEffect(build)) {
        this.handlers = build as Readonly<Record<string, Handler>>
        return this.drain
      }
      const services = context.pipe(
        Context.add(ActorContext, stagehand.context(this.incarnation)),
        Context.add(Scope.Scope, scope)
      )
      const handlers = Effect.provide(
        build as Effect.Effect<Readonly<Record<string, Handler>>, unknown>,
        services
      )
      return Effect.flatMap(Effect.orDie(handlers), (handlers) => {
        this.handlers = handlers
        return this.drain
      })
    })
  }

  private message(tag: string, payload: unknown): Turn {
    const run = Effect.suspend(() => {
      const handler = this.handlers[tag]
      if (handler === undefined) return Effect.dieMessage("the behaviour has ended")
      const result = handler(payload, { tag, deadline: Number.POSITIVE_INFINITY, id: undefined })
      return Effect.isEffect(result)
        ? Effect.provide(result as Effect.Effect<unknown, unknown>, this.ingredients.context)
        : Effect.succeed(result)
    })
    const turn: Turn = {
      tag,
      run: Effect.catchAllCause(run, (cause) => {
        if (cause._tag !== "Die" || cause.defect !== aside) return Effect.failCause(cause)
        this.stage.stash.push(turn)
        this.deeds.push({ _tag: "Stashed", tag })
        return Effect.fail(new Stashed({ tag }))
      })
    }
    return turn
  }

  /** Runs one turn, then those it left; gives the exit of the first. */
  private perform(turn: Turn): Effect.Effect<Exit.Exit<unknown, unknown>> {
    return Effect.zipLeft(Effect.exit(turn.run), this.drain)
  }

  private get drain(): Effect.Effect<void> {
    return Effect.gen(this, function*() {
      for (let turns = 0; turns < turnsQueuedMax; turns++) {
        const turn = this.stage.queue.shift()
        if (turn === undefined) return
        const exit = yield* Effect.exit(turn.run)
        this.deeds.push({ _tag: "Handled", tag: turn.tag, exit })
      }
      return yield* Effect.dieMessage(
        `${format(this.address)} gave itself more than ${turnsQueuedMax} turns on end`
      )
    })
  }
}
