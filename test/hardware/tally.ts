/** An actor of every kind of operation, for tests of the door that serves it and of its clients. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorSystem } from "@plantd/actors"
import {
  ControlClient,
  ControlDoor,
  ControlProtocol as Protocol,
  Transport
} from "@plantd/hardware"
import { Effect, Either, Layer, Schema, Stream } from "effect"

/** An error of the actor's own. */
export class TooMuch extends Schema.TaggedError<TooMuch>()("TooMuch", { most: Schema.Number }) {}

export const Tally = Actor.make("Tally", [
  Rpc.make("Add", {
    payload: { by: Schema.Int.pipe(Schema.nonNegative()) },
    success: Schema.Int,
    error: TooMuch
  }),
  Rpc.make("Reset"),
  Rpc.make("At", { payload: { time: Schema.Date }, success: Schema.Date }),
  Rpc.make("Hang", { payload: { urgent: Schema.Boolean } }),
  Rpc.make("Crash"),
  Rpc.make("Text", { payload: { length: Schema.Int }, success: Schema.String }),
  Rpc.make("Numbers", { payload: { to: Schema.Int }, success: Schema.Int, stream: true }),
  Rpc.make("Endless", { success: Schema.Int, error: TooMuch, stream: true })
])

/** What happened inside of the actor. */
export const makeSeen = () => ({ count: 0, produced: 0, open: 0, hanging: 0 })

export type Seen = ReturnType<typeof makeSeen>

const layerOf = (seen: Seen) =>
  Tally.toLayer(
    Effect.sync(() => ({
      Add: ({ by }) =>
        by > 100 ? Effect.fail(new TooMuch({ most: 100 })) : Effect.sync(() => (seen.count += by)),
      Reset: () =>
        Effect.sync(() => {
          seen.count = 0
        }),
      At: ({ time }) => Effect.succeed(new Date(time.getTime() + 1_000)),
      Hang: () => Effect.zipRight(Effect.sync(() => seen.hanging++), Effect.never),
      Crash: () => Effect.dieMessage("a defect of the tally"),
      Text: ({ length }) => Effect.succeed("x".repeat(length)),
      Numbers: ({ to }) => Stream.range(1, to),
      Endless: () =>
        Stream.acquireRelease(
          Effect.sync(() => seen.open++),
          () => Effect.sync(() => seen.open--)
        ).pipe(
          Stream.flatMap(() => Stream.repeatEffect(Effect.sync(() => ++seen.produced)))
        )
    })),
    { concurrency: "unbounded" }
  )

/** A door to the tally, until the scope closes. */
export const tallyDoor = (settings: Partial<ControlDoor.Settings> = {}) =>
  Effect.gen(function*() {
    const seen = makeSeen()
    const context = yield* Layer.build(
      layerOf(seen).pipe(Layer.provideMerge(ActorSystem.layer))
    )
    const door = yield* Effect.provide(
      ControlDoor.open({
        actor: Tally,
        id: "t-1",
        endpoint: "tcp://127.0.0.1:*",
        isUrgent: ({ payload, tag }) =>
          tag === "Hang" && (payload as { readonly urgent: boolean }).urgent,
        settings
      }),
      context
    )
    return { seen, door }
  })

export const connect = (endpoint: string) => ControlClient.connect({ actor: Tally, endpoint })

/** A peer of a door that speaks the protocol frame by frame, and so can break it. */
export const rawPeer = (endpoint: string) =>
  Effect.gen(function*() {
    const transport = yield* Transport.Transport
    const dealer = yield* transport.open({ kind: "dealer", mode: "connect", endpoint })
    yield* dealer.event
    const receive = Effect.map(
      dealer.receive,
      (frames) => {
        const { body, id, kind } = Either.getOrThrow(Protocol.decodeFromNode(frames))
        return { kind, id: String.fromCharCode(...id), body }
      }
    )
    return {
      dealer,
      receive,
      send: (kind: Protocol.ToNode["kind"], id: string, body: object) =>
        dealer.send(
          Either.getOrThrow(Protocol.encode(kind, new TextEncoder().encode(id), body))
        ),
      /** Receives until a message of this kind and id comes. */
      await: (kind: Protocol.FromNode["kind"], id: string) =>
        Effect.repeat(receive, { until: (message) => message.kind === kind && message.id === id })
    }
  })
