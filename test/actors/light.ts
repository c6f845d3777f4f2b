/** A light for the tests of state machines, which say what it does. */
import { Rpc, type RpcGroup } from "@effect/rpc"
import { Actor, ActorSystem, Supervision } from "@plantd/actors"
import type { ActorSystemService } from "@plantd/actors/ActorSystem"
import * as StateMachine from "@plantd/actors/StateMachine"
import { Effect, Layer, Schema } from "effect"

const { goto, repeat, stay } = StateMachine

export const Light = Actor.make("Light", [
  Rpc.make("Go", { payload: { to: Schema.Literal("Red", "Green", "Amber") } }),
  Rpc.make("Again"),
  Rpc.make("Keep"),
  Rpc.make("Walk", { payload: { who: Schema.String }, success: Schema.String }),
  Rpc.make("Break"),
  Rpc.make("Refuse", { error: Schema.String })
])

const zero: number = 0
export const lights = { states: ["Red", "Green", "Amber"], initial: "Red", data: zero } as const

/** What a light does in every state, unless a test says otherwise. */
export const common = {
  Go: ({ to }: { readonly to: "Red" | "Green" | "Amber" }) => goto(to),
  Again: () => repeat(),
  Keep: () => stay(),
  Break: () => Effect.die("broken"),
  Refuse: () => Effect.fail("no")
} as const

export const walk = ({ who }: { readonly who: string }, { state }: { readonly state: string }) =>
  stay({ reply: `${who} at ${state}` })

export const oneLight = <A, E>(
  layer: Layer.Layer<never, never, ActorSystem>,
  body: (
    light: Actor.Client<RpcGroup.Rpcs<typeof Light.protocol>>,
    system: ActorSystemService
  ) => Effect.Effect<A, E, ActorSystem>
) =>
  Effect.gen(function*() {
    return yield* body((yield* Light.client)("l-1"), yield* ActorSystem)
  }).pipe(Effect.provide(Layer.provideMerge(layer, ActorSystem.layer)))

export const address = { type: "Light", id: "l-1" }
export const told = { discard: true } as const
export const quick = Supervision.restart({ backoff: { min: "10 millis", jitter: 0 } })
