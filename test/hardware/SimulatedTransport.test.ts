import { expect, it } from "@effect/vitest"
import * as SimulatedNetwork from "@plantd/hardware/SimulatedNetwork"
import * as SimulatedTransport from "@plantd/hardware/SimulatedTransport"
import { Transport } from "@plantd/hardware/Transport"
import { Effect, Layer } from "effect"

const endpoint = "tcp://127.0.0.1:5555"
const bind = Effect.flatMap(
  Transport,
  (transport) => transport.open({ kind: "pub", mode: "bind", endpoint })
)
const node = Effect.map(
  Layer.build(Layer.fresh(SimulatedTransport.layerNetwork)),
  (services) => <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, services)
)

it.scoped("nodes that share a network meet in it", () =>
  Effect.gen(function*() {
    const one = yield* node
    const two = yield* node
    yield* one(bind)
    const error = yield* Effect.flip(two(bind))
    expect(error.reason).toBe("address-in-use")
  }).pipe(Effect.provide(SimulatedNetwork.layer)))

it.scoped("transports with networks of their own do not see each other", () =>
  Effect.gen(function*() {
    const own = Effect.provide(bind, Layer.fresh(SimulatedTransport.layer))
    expect((yield* own).endpoint).toBe(endpoint)
    expect((yield* own).endpoint).toBe(endpoint)
  }))
