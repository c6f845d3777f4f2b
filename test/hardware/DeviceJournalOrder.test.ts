import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { Identifier } from "@plantd/core"
import { DeviceStore } from "@plantd/hardware"
import { Context, Effect, Fiber, Option, TestClock } from "effect"
import { inTime, settle } from "./peers.ts"
import { endpoints, simulated } from "./rig.ts"

import { online, rig, settledAs, type Valves } from "./valveRig.ts"

/** Intends commands in a life of the actor that ends before their outcomes are known. */
const leave = (
  { store, system }: { readonly store: Context.Context<DeviceStore>; system: ActorSystem["Type"] },
  commands: ReadonlyArray<readonly [id: string, name: string]>
) =>
  Effect.gen(function*() {
    const service = Context.get(store, DeviceStore)
    const device = { type: "Valve", id: "v-1" }
    yield* system.stop(device)
    const { fence } = yield* service.claim(device, { fence: undefined })
    const intent = { args: "null", effect: "pulse", intentAt: 0 } as const
    for (const [id, name] of commands) {
      const commandId = Identifier.CommandId.make(id)
      yield* service.intend({ device, fence }, { ...intent, commandId, name })
    }
    return (id: string) =>
      service.settle({ device, fence }, id, { state: "succeeded", outcomeAt: 1 })
  })

describe("a crash", () => {
  it.scoped("leaves what it intended unknown, and what is seen settles it", () =>
    Effect.gen(function*() {
      const { plant, store, system, valve } = yield* rig
      yield* leave({ store, system }, [["a", "knock"], ["b", "turn"]])
      plant.turned = true
      yield* online(valve)
      yield* settledAs(valve, "b", "succeeded")
      yield* settledAs(valve, "a", "unresolved")
      expect([plant.turns, plant.knocks]).toEqual([0, 0])
    }).pipe(simulated))

  it.scoped("leaves to a person what another command came after", () =>
    Effect.gen(function*() {
      const { plant, store, system, valve } = yield* rig
      const succeed = yield* leave({ store, system }, [["a", "turn"], ["b", "close"]])
      yield* succeed("b")
      plant.turned = true
      yield* online(valve)
      yield* settledAs(valve, "a", "unresolved")
      expect((yield* valve.journal.outcome("a")).detail).toContain("another command was sent after")
    }).pipe(simulated))
})

describe("a command that comes after one of unknown outcome", () => {
  it.scoped("waits until the device was looked at, also where it waited for the link", () =>
    Effect.gen(function*() {
      const { network, plant, valve } = yield* rig
      yield* network.cut(endpoints.commands, "to-bound")
      const turn = yield* Effect.fork(
        Effect.flip(valve.turn({ times: 1 }, { commandId: "t-1" }))
      )
      yield* settle
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(turn))._tag).toBe("OutcomeUnknown")
      const write = yield* Effect.fork(valve.write.opening(30, { timeout: "30 seconds" }))
      yield* inTime("it blinks", Effect.map(valve.link, ({ state }) => state === "degraded"))
      yield* TestClock.adjust("300 millis")
      // It has the turn, and waits for the link.
      expect(Option.isNone(yield* Fiber.poll(write))).toBe(true)
      yield* network.heal(endpoints.commands)
      yield* inTime("it is written", Effect.map(Fiber.poll(write), Option.isSome))
      yield* Fiber.join(write)
      // Where it had been sent first, nobody could tell any more, and a person had to.
      expect((yield* valve.journal.outcome("t-1")).state).toBe("failed")
      expect([plant.turns, plant.opening]).toEqual([0, 30])
    }).pipe(simulated))

  it.scoped("is not sent any more where the look takes longer than it has", () =>
    Effect.gen(function*() {
      const { plant, store, system, valve } = yield* rig
      yield* leave({ store, system }, [["a", "turn"]])
      yield* online(valve)
      const refused = yield* Effect.fork(Effect.flip(valve.knock({ timeout: "500 millis" })))
      yield* settle
      yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(refused)).toMatchObject({ reason: "expired" })
      yield* settledAs(valve, "a", "failed")
      expect(plant.knocks).toBe(0)
    }).pipe(simulated))

  type Happens = (
    valve: Valves,
    publish: (level: number) => Effect.Effect<void>
  ) => Effect.Effect<unknown, unknown>
  const between: Readonly<Record<string, Happens>> = {
    "a newer write": (valve) => valve.write.opening(50),
    "an emergency command": (valve) => valve.close(),
    "another operator": (valve) => valve.lease.acquire({ session: "ann", ttl: "1 minute" }),
    "an interlock": (_, publish) => publish(3.5)
  }

  it.scoped.each(Object.entries(between))(
    "%s between: a write that nobody answered is not sent again",
    ([, happens]) =>
      Effect.gen(function*() {
        const { driver, network, plant, valve } = yield* rig
        yield* network.cut(endpoints.commands, "to-bound")
        const write = yield* Effect.fork(
          Effect.flip(valve.write.opening(40, { commandId: "w-1" }))
        )
        yield* settle
        yield* TestClock.adjust("2600 millis")
        yield* Effect.fork(
          happens(valve, (level) => Effect.asVoid(driver.publish({ level })))
        )
        yield* settle
        yield* network.heal(endpoints.commands)
        yield* inTime("it is answered", Effect.map(Fiber.poll(write), Option.isSome))
        expect((yield* Fiber.join(write))._tag).toBe("OutcomeUnknown")
        yield* inTime(
          "it is settled",
          Effect.map(valve.journal.outcome("w-1"), ({ state }) => state !== "outcome-unknown")
        )
        expect(plant.written).not.toContain(40)
      }).pipe(simulated)
  )
})
