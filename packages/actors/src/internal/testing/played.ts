/** A type of actor whose messages a test sees and answers. Types end here. */
import type { Rpc } from "@effect/rpc"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Effect, Layer, SchemaAST, Stream } from "effect"
import type { Actor } from "../../Actor.ts"
import { ActorContext } from "../../ActorContext.ts"
import { ActorSystem, type ActorSystemService } from "../../ActorSystem.ts"
import { Sightings, sightingsMax } from "./sightings.ts"

/** A message that came. */
export interface Sent {
  readonly id: string
  readonly tag: string
  readonly payload: unknown
  readonly at: number
}

type Answer = Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown>

/** How messages of one tag are answered. */
export type Script = (message: Sent) => Answer

interface Waiting {
  readonly message: Sent
  readonly answer: (answer: Answer) => void
}

/** See the module. */
export class Played {
  readonly sightings = new Sightings<Sent>()
  readonly layer: Layer.Layer<never, never, ActorSystem>
  readonly name: string
  private readonly scripts = new Map<string, Script>()
  private waiting: Array<Waiting> = []
  private home: ActorSystemService | undefined = undefined

  constructor(actor: Actor<string, Rpc.Any>) {
    this.name = actor.name
    const build = Effect.gen(this, function*() {
      const { address: { id } } = yield* ActorContext
      const clock = yield* Effect.clock
      const handlers: Record<string, (payload: unknown) => Answer> = {}
      for (const [tag, rpc] of actor.protocol.requests) {
        const { successSchema } = rpc as unknown as Rpc.AnyWithProps
        const unscripted = this.unscripted(
          RpcSchema.isStreamSchema(successSchema),
          SchemaAST.isVoidKeyword(successSchema.ast)
        )
        handlers[tag] = (payload) => {
          const message = { id, tag, payload, at: clock.unsafeCurrentTimeMillis() }
          this.sightings.add(message)
          return (this.scripts.get(tag) ?? unscripted)(message)
        }
      }
      return handlers
    })
    // Side by side, since a message that waits for its answer must not hold up others.
    const behaviour = actor.toLayer(build as never, { concurrency: "unbounded" })
    const system = Layer.effectDiscard(
      Effect.map(ActorSystem, (system) => {
        this.home = system
      })
    )
    this.layer = Layer.merge(behaviour, system)
  }

  /** The system that it plays in. */
  get system(): Effect.Effect<ActorSystemService> {
    return Effect.suspend(() =>
      this.home === undefined
        ? Effect.dieMessage(`the layer of the probe of ${this.name} is not part of the program`)
        : Effect.succeed(this.home)
    )
  }

  /** Answers all messages of a tag so, those that wait first. */
  script(tag: string, script: Script): Effect.Effect<void> {
    return Effect.sync(() => {
      this.scripts.set(tag, script)
      const due = this.waiting.filter(({ message }) => message.tag === tag)
      this.waiting = this.waiting.filter(({ message }) => message.tag !== tag)
      for (const { answer, message } of due) answer(script(message))
    })
  }

  private unscripted(streams: boolean, asksForNothing: boolean): Script {
    if (asksForNothing) return () => Effect.void
    const wait = (message: Sent) =>
      Effect.async<Answer>((resume) => {
        if (this.waiting.length >= sightingsMax) {
          const what = `${sightingsMax} messages of the probe of ${this.name} wait for an answer`
          return resume(Effect.dieMessage(`${what}; script it by reply or handle`))
        }
        const waiting = { message, answer: (answer: Answer) => resume(Effect.succeed(answer)) }
        this.waiting.push(waiting)
        return Effect.sync(() => {
          this.waiting = this.waiting.filter((one) => one !== waiting)
        })
      })
    return streams
      ? (message) => Stream.unwrap(wait(message) as Effect.Effect<Stream.Stream<unknown>>)
      : (message) => Effect.flatten(wait(message) as Effect.Effect<Effect.Effect<unknown>>)
  }
}
