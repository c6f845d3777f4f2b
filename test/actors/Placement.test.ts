import { Rpc } from "@effect/rpc"
import { describe, expect, it } from "@effect/vitest"
import {
  Actor,
  ActorContext,
  ActorError,
  ActorSystem,
  type DeathWatch,
  Placement
} from "@plantd/actors"
import { Effect, Exit, Fiber, Layer, Schema, TestClock } from "effect"
import { settle } from "../hardware/peers.ts"

const Echo = Actor.make("Echo", [
  Rpc.make("Say", { payload: { text: Schema.String }, success: Schema.String }),
  Rpc.make("Wait", { success: Schema.String }),
  Rpc.make("Hang"),
  Rpc.make("Where", { success: Schema.String })
])

/** A system where ids that begin with `far` live elsewhere, and what was given to be carried. */
const rig = Effect.gen(function*() {
  const carried: Array<Placement.Parcel> = []
  const watched = new Map<string, (terminated: DeathWatch.Terminated) => void>()
  const far = { prefix: "far", isBack: false }
  const hosted = yield* Placement.host({
    node: "here:1",
    hasLease: () => true,
    isHere: (_, id) => !id.startsWith(far.prefix),
    isDirect: (_, id) => !id.startsWith(far.prefix),
    carry: (parcel) => {
      carried.push(parcel)
      if (far.isBack) parcel.redeliver()
    },
    watch: (address, notify) => {
      watched.set(address.id, notify)
      return () => watched.delete(address.id)
    },
    beforeClose: Effect.void
  })
  const system = Layer.succeed(ActorSystem, hosted.service)
  let waits = 0
  yield* Layer.build(
    Echo.toLayer(Effect.map(ActorContext, ({ node }) => ({
      Where: () => Effect.succeed(node),
      Say: ({ text }: { readonly text: string }) => Effect.succeed(text.toUpperCase()),
      Hang: () => Effect.uninterruptible(Effect.sleep("3 seconds")),
      Wait: () => Effect.as(Effect.delay(Effect.sync(() => waits++), "1 second"), "waited")
    }))).pipe(Layer.provide(system))
  )
  const echo = yield* Effect.provide(Echo.client, system)
  return { carried, echo, far, hosted, watched, waits: () => waits }
})

const address = { type: "Echo", id: "far-1" }
const down = new ActorError.NotDelivered({ address, tag: "Say", detail: "it is down" })

it.scoped("an actor knows the node that runs it", () =>
  Effect.gen(function*() {
    const { echo } = yield* rig
    expect(yield* echo("near").Where()).toBe("here:1")
  }))

describe("a message for an actor that lives elsewhere", () => {
  it.scoped("is carried, and answered by who carries it", () =>
    Effect.gen(function*() {
      const { carried, echo } = yield* rig
      expect(yield* echo("near").Say({ text: "a" })).toBe("A")
      const said = yield* Effect.fork(echo("far-1").Say({ text: "b" }))
      yield* settle
      expect(carried[0]).toMatchObject({ address, tag: "Say", payload: { text: "b" }, asks: true })
      carried[0]?.answer(Exit.succeed("from afar"))
      expect(yield* Fiber.join(said)).toBe("from afar")
      expect(carried[0]?.isOpen).toBe(false)
    }))

  it.scoped("is taken once its carrier says so, of a tell; and is refused by a typed error", () =>
    Effect.gen(function*() {
      const { carried, echo } = yield* rig
      const tell = yield* Effect.fork(echo("far-1").Say({ text: "a" }, { discard: true }))
      yield* settle
      expect((yield* Fiber.poll(tell))._tag).toBe("None")
      carried[0]?.taken()
      yield* Fiber.join(tell)
      const refused = yield* Effect.fork(Effect.flip(echo("far-1").Say({ text: "a" })))
      yield* settle
      carried[1]?.refuse(down)
      expect(yield* Fiber.join(refused)).toBe(down)
    }))

  it.scoped.each([["begun", "unknown"], ["not begun", "not-handled"]] as const)(
    "that is %s at its deadline has the outcome %s",
    ([begun, outcome]) =>
      Effect.gen(function*() {
        const { carried, echo } = yield* rig
        const asked = yield* Effect.fork(
          Effect.flip(echo("far-1").Say({ text: "a" }, { timeout: "1 second" }))
        )
        yield* settle
        let gone = false
        const parcel = carried[0]
        if (parcel !== undefined) parcel.onGone = () => (gone = true)
        if (begun === "begun") parcel?.begin()
        yield* TestClock.adjust("1 second")
        expect(yield* Fiber.join(asked)).toMatchObject({ _tag: "AskTimeout", outcome })
        expect(gone).toBe(true)
      })
  )

  it.scoped("is delivered here, where its actor has come here by then", () =>
    Effect.gen(function*() {
      const { carried, echo, far } = yield* rig
      const said = yield* Effect.fork(echo("far-1").Say({ text: "b" }))
      yield* settle
      far.prefix = "nowhere"
      carried[0]?.redeliver()
      expect(yield* Fiber.join(said)).toBe("B")
    }))
})

describe("an actor that moves", () => {
  it.scoped("handles what it took in time; what is left goes where it lives", () =>
    Effect.gen(function*() {
      const { carried, echo, far, hosted, waits } = yield* rig
      const asks = yield* Effect.forEach(
        [1, 2, 3],
        () => Effect.fork(echo("m-1").Wait(undefined, { timeout: "1 minute" }))
      )
      yield* settle
      far.prefix = "m"
      const released = yield* Effect.fork(
        hosted.release(({ id }) => id === "m-1", { withinMillis: 1_500 })
      )
      for (let passed = 0; passed < 4_000; passed += 100) {
        yield* settle
        yield* TestClock.adjust("100 millis")
      }
      yield* Fiber.join(released)
      expect(waits()).toBe(2)
      expect(carried.map(({ tag }) => tag)).toEqual(["Wait"])
      carried[0]?.answer(Exit.succeed("there"))
      expect(yield* Fiber.join(Fiber.all(asks))).toEqual(["waited", "waited", "there"])
      expect(hosted.residents()).toEqual([])
    }))

  it.scoped("whose right to run is gone stops at once", () =>
    Effect.gen(function*() {
      const { carried, echo, hosted, waits } = yield* rig
      const asked = yield* Effect.fork(Effect.flip(echo("m-1").Wait()))
      yield* Effect.fork(echo("m-1").Say({ text: "a" }))
      yield* settle
      yield* hosted.revoke(() => true)
      // What it has not handled goes where it lives.
      expect(carried.map(({ tag }) => tag)).toEqual(["Say"])
      // Its handler had begun.
      expect((yield* Fiber.join(asked))._tag).toBe("ActorCrashed")
      yield* TestClock.adjust("10 seconds")
      expect(waits()).toBe(0)
    }))
})

describe("an actor that moves, and is back before it has ended", () => {
  it.scoped("handles what it was sent, with its next incarnation", () =>
    Effect.gen(function*() {
      const { carried, echo, far, hosted } = yield* rig
      yield* Effect.fork(Effect.ignore(echo("m-1").Hang()))
      const said = yield* Effect.fork(echo("m-1").Say({ text: "a" }))
      yield* settle
      far.isBack = true
      const revoked = yield* Effect.fork(hosted.revoke(() => true))
      yield* settle
      yield* TestClock.adjust("4 seconds")
      expect(yield* Fiber.join(said)).toBe("A")
      expect(carried.length).toBe(2)
      yield* Fiber.join(revoked)
    }))
})

describe("a watch of an actor that lives elsewhere", () => {
  it.scoped("is told by who knows of it, and is over when it is interrupted", () =>
    Effect.gen(function*() {
      const { hosted: { service }, watched } = yield* rig
      const first = yield* Effect.fork(service.watch(address))
      yield* settle
      watched.get("far-1")?.({ _tag: "Terminated", address, reason: "node-lost" })
      expect(yield* Fiber.join(first)).toMatchObject({ address, reason: "node-lost" })
      const second = yield* Effect.fork(service.watch({ type: "Echo", id: "far-2" }))
      yield* settle
      expect(watched.has("far-2")).toBe(true)
      yield* Fiber.interrupt(second)
      expect(watched.has("far-2")).toBe(false)
    }))

  it.scoped("is of the one that is alive here still, where it is about to move", () =>
    Effect.gen(function*() {
      const { echo, far, hosted: { release, service }, watched } = yield* rig
      yield* echo("near").Say({ text: "a" })
      const watching = yield* Effect.fork(service.watch({ type: "Echo", id: "near" }))
      far.prefix = "n"
      const late = yield* Effect.fork(service.watch({ type: "Echo", id: "near" }))
      yield* settle
      yield* release(() => true, { withinMillis: 100 })
      expect(yield* Fiber.join(watching)).toMatchObject({ reason: "moved" })
      expect(yield* Fiber.join(late)).toMatchObject({ reason: "moved" })
      expect(watched.size).toBe(0)
    }))
})
