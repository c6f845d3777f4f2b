import * as Rpc from "@effect/rpc/Rpc"
import { describe, expect, it } from "@effect/vitest"
import { Actor, ActorError } from "@plantd/actors"
import {
  ControlClient,
  ControlError,
  ControlProtocol as Protocol,
  SimulatedTransport,
  Transport
} from "@plantd/hardware"
import { Chunk, Effect, Either, Exit, Fiber, Stream, TestClock } from "effect"
import { inTime } from "./peers.ts"
import { connect, Tally, tallyDoor, TooMuch } from "./tally.ts"
import { simulated, zmq } from "./transports.ts"

describe.each([simulated, zmq])("a client over $name", ({ test, within }) => {
  const rig = Effect.gen(function*() {
    const { door, seen } = yield* tallyDoor()
    const { client, id } = yield* within(connect(door.endpoint))
    return { client, door, id, seen }
  })

  test("asks the actor with its types: answers, typed errors, what has no value", () =>
    Effect.gen(function*() {
      const { client, id } = yield* rig
      expect(id).toBe("t-1")
      expect(yield* within(client.Add({ by: 2 }))).toBe(2)
      const refused = yield* within(Effect.flip(client.Add({ by: 200 })))
      expect(refused).toBeInstanceOf(TooMuch)
      expect(refused).toMatchObject({ most: 100 })
      expect(yield* within(client.Reset())).toBeUndefined()
      const time = new Date(5_000)
      expect(yield* within(client.At({ time }))).toEqual(new Date(6_000))
    }))

  test("gives what the runtime says of an actor as the errors of an ask", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const late = yield* within(
        Effect.flip(client.Hang({ urgent: false }, { timeout: "50 millis" }))
      )
      expect(late).toBeInstanceOf(ActorError.AskTimeout)
      expect(yield* within(Effect.flip(client.Crash()))).toBeInstanceOf(ActorError.ActorCrashed)
    }))

  test("reads a stream to its end, however many messages it takes", () =>
    Effect.gen(function*() {
      const { client } = yield* rig
      const all = yield* within(Stream.runCollect(client.Numbers({ to: 10_000 })))
      expect(Chunk.toReadonlyArray(all)).toEqual(Array.from({ length: 10_000 }, (_, n) => n + 1))
    }))

  test("holds a stream up while it is not read, and ends it on the node when it is left", () =>
    Effect.gen(function*() {
      const { client, seen } = yield* rig
      const paused = yield* Effect.makeLatch(false)
      const reader = yield* Effect.fork(
        Stream.runForEach(client.Endless(), () => paused.await)
      )
      yield* within(Effect.repeat(Effect.yieldNow(), { until: () => seen.produced > 0 }))
      expect(yield* within(client.Add({ by: 1 }))).toBe(1)
      const held = seen.produced
      expect(yield* within(client.Add({ by: 1 }))).toBe(2)
      expect(seen.produced).toBe(held)
      expect(held).toBeLessThanOrEqual(16)
      yield* Fiber.interrupt(reader)
      yield* within(
        Effect.repeat(Effect.sleep("10 millis"), { until: () => seen.open === 0 })
      )
    }))

  test("an asker that is interrupted takes its request off the node", () =>
    Effect.gen(function*() {
      const { client, door, seen } = yield* rig
      const asker = yield* Effect.fork(client.Hang({ urgent: false }))
      yield* within(Effect.repeat(Effect.sleep("10 millis"), { until: () => seen.hanging > 0 }))
      yield* Fiber.interrupt(asker)
      yield* within(Effect.repeat(Effect.delay(door.counters, "10 millis"), {
        until: ({ requestsRunning }) => requestsRunning === 0
      }))
    }))

  test("tells that nobody is there, and that another actor is", () =>
    Effect.gen(function*() {
      const { door } = yield* rig
      const nobody = yield* within(
        Effect.flip(
          ControlClient.connect({
            actor: Tally,
            endpoint: "tcp://127.0.0.1:59",
            timeout: "200 millis"
          })
        )
      )
      expect(nobody.message).toBe(
        "no node can be reached at tcp://127.0.0.1:59: nobody answered within 200 ms"
      )
      const Other = Actor.make("Other", [Rpc.make("Do")])
      const { endpoint } = door
      const other = yield* within(Effect.flip(ControlClient.connect({ actor: Other, endpoint })))
      expect(other.detail).toBe("it serves Tally, and Other is wanted")
    }))
})

describe("a client of a node that breaks off", () => {
  const endpoint = "tcp://127.0.0.1:5801"
  const simulate = Effect.provide(SimulatedTransport.layer)

  /** A node by hand: it answers PING, and nothing else unless it is told to. */
  const rawNode = Effect.gen(function*() {
    const transport = yield* Transport.Transport
    const router = yield* transport.open({ kind: "router", mode: "bind", endpoint })
    const state = { silent: false, asked: [] as Array<[Uint8Array, Protocol.ToNode]> }
    const send = (peer: Uint8Array, id: Uint8Array, kind: "PONG" | "ANSWER", body: object) =>
      router.send([peer, ...Either.getOrThrow(Protocol.encode(kind, id, body))])
    yield* Effect.forkScoped(Effect.forever(Effect.flatMap(router.receive, ([peer, ...frames]) => {
      const message = Either.getOrThrow(Protocol.decodeToNode(frames))
      if (message.kind === "ASK") state.asked.push([peer!, message])
      return state.silent || message.kind !== "PING"
        ? Effect.void
        : send(peer!, message.id, "PONG", { protocol: 1, actor: "Tally", id: "t" })
    })))
    return { state, send }
  })

  const begun = Effect.gen(function*() {
    const node = yield* rawNode
    const { client } = yield* simulated.within(connect(endpoint))
    const fiber = yield* Effect.fork(Effect.flip(client.Add({ by: 1 }, { timeout: "1 hour" })))
    yield* inTime("it is asked", Effect.sync(() => node.state.asked.length > 0))
    return { client, fiber, node }
  })

  it.scoped("says after five seconds of silence that the outcome is unknown", () =>
    Effect.gen(function*() {
      const { client, fiber, node } = yield* begun
      const endless = yield* Effect.fork(Effect.flip(Stream.runDrain(client.Endless())))
      node.state.silent = true
      yield* TestClock.adjust("4 seconds")
      expect(yield* Fiber.poll(fiber)).toMatchObject({ _tag: "None" })
      yield* TestClock.adjust("4 seconds")
      for (const error of [yield* Fiber.join(fiber), yield* Fiber.join(endless)]) {
        expect(error).toBeInstanceOf(ControlError.ControlNoAnswer)
        expect(error).toMatchObject({ outcome: "unknown" })
        expect(error.message).toContain("the node said nothing for")
      }
    }).pipe(simulate))

  it.scoped("says so of an answer that is not what its protocol says, too", () =>
    Effect.gen(function*() {
      const { fiber, node } = yield* begun
      const [peer, { id }] = node.state.asked[0]!
      yield* node.send(peer, id, "ANSWER", { success: "three" })
      const error = yield* simulated.within(Fiber.join(fiber))
      expect(error).toMatchObject({ _tag: "ControlNoAnswer", outcome: "unknown" })
      expect(error.message).toContain("success: ")
    }).pipe(simulate))

  it.scoped("says at once that a connection ended, and then that nothing is sent", () =>
    Effect.gen(function*() {
      const node = yield* Effect.fork(Effect.scoped(Effect.zipRight(rawNode, Effect.never)))
      const { client } = yield* simulated.within(connect(endpoint))
      const fiber = yield* Effect.fork(Effect.flip(client.Add({ by: 1 }, { timeout: "1 hour" })))
      yield* Effect.repeat(Effect.yieldNow(), { times: 50 })
      yield* Fiber.interrupt(node)
      const error = yield* simulated.within(Fiber.join(fiber))
      expect(error).toMatchObject({ _tag: "ControlNoAnswer", outcome: "unknown" })
      expect(error.message).toContain("the connection to the node ended")
      const next = yield* simulated.within(Effect.exit(client.Add({ by: 1 })))
      expect(Exit.isFailure(next) && String(next.cause)).toContain("it was not sent")
    }).pipe(simulate))
})
