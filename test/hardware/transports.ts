/** The two transports, and how to wait with each: the contract is tested alike for both. */
import { it } from "@effect/vitest"
import * as SimulatedTransport from "@plantd/hardware/SimulatedTransport"
import type { Transport } from "@plantd/hardware/Transport"
import * as ZmqTransport from "@plantd/hardware/ZmqTransport"
import { Cause, Effect, Fiber, Option, type Scope, TestClock } from "effect"

/** How a promise of the contract is waited for: in real time, or by moving the virtual clock. */
export interface Harness {
  readonly name: string
  readonly within: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  readonly test: (
    name: string,
    body: () => Effect.Effect<void, unknown, Transport | Scope.Scope>
  ) => void
}

const deadline = "10 seconds"

/** Real sockets, in real time. */
export const zmq: Harness = {
  name: "ZmqTransport",
  within: (effect) =>
    Effect.timeoutFailCause(effect, {
      duration: deadline,
      onTimeout: () => Cause.die(`not within ${deadline}`)
    }),
  test: (name, body) => {
    it.scopedLive(name, () => Effect.provide(body(), ZmqTransport.layer))
  }
}

const virtualStepsMax = 500

/** Sockets in memory, in virtual time. */
export const simulated: Harness = {
  name: "SimulatedTransport",
  within: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(effect)
      for (let step = 0; step < virtualStepsMax; step++) {
        for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow()
        if (Option.isSome(yield* Fiber.poll(fiber))) return yield* Fiber.join(fiber)
        yield* TestClock.adjust("20 millis")
      }
      return yield* Effect.dieMessage(`not within ${virtualStepsMax} steps of 20 ms`)
    }),
  test: (name, body) => {
    it.scoped(name, () => Effect.provide(body(), SimulatedTransport.layer))
  }
}
