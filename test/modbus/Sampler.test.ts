import { describe, expect, it } from "@effect/vitest"
import { ModbusConnection, Sampler } from "@plantd/example-modbus"
import { Deferred, Effect, Either, Fiber, TestClock } from "effect"
import { settle } from "../hardware/peers.ts"
import { pumpMap } from "./maps.ts"

/** A bus whose every place holds 1, and what was read over it. */
const makeBus = () => {
  const bus = {
    asked: [] as Array<string>,
    reply: (() => Effect.void) as (
      place: string
    ) => Effect.Effect<void, ModbusConnection.RequestError>,
    read: ({ address, count, table }: { table: string; address: number; count: number }) => {
      const place = `${table} ${address}+${count}`
      bus.asked.push(place)
      return Effect.as(bus.reply(place), Array.from({ length: count }, () => 1))
    }
  }
  return bus
}

const names = Object.keys(pumpMap().attributes)

/** What a round gave, without times. */
const plain = (samples: Sampler.Samples) =>
  Object.fromEntries(
    [...samples].map(([name, sample]) => [
      name,
      Either.match(sample, { onLeft: ({ reason }) => reason, onRight: ({ value }) => value })
    ])
  )

describe("a sampler", () => {
  it.scoped("reads what was asked for, in as few requests as there can be", () =>
    Effect.gen(function*() {
      const bus = makeBus()
      const sampler = yield* Sampler.make(pumpMap(), bus)
      yield* TestClock.adjust("3 seconds")
      const samples = yield* sampler.read(names)
      expect(plain(samples)).toEqual({
        flow: 0.01,
        speed: 1,
        mode: "manual",
        running: true,
        alarm: false,
        odd: expect.closeTo(0)
      })
      expect(samples.get("flow")).toEqual(Either.right({ value: 0.01, time: 3_000 }))
      expect(bus.asked).toEqual([
        "coil 0+1",
        "holding 0+2",
        "holding 4+1",
        "input 0+1",
        "input 40+2"
      ])
      bus.asked.length = 0
      expect([...(yield* sampler.read(["speed"])).keys()]).toEqual(["speed"])
      expect(bus.asked).toEqual(["holding 0+1"])
      expect((yield* sampler.read(["nothing"])).size).toBe(0)
    }))

  it.scoped("serves all who ask at a time in one round, and the later ones in the next", () =>
    Effect.gen(function*() {
      const bus = makeBus()
      const gate = yield* Deferred.make<void>()
      bus.reply = () => Deferred.await(gate)
      const sampler = yield* Sampler.make(pumpMap(), bus)
      const each = Effect.forEach(["speed", "mode"], (name) => sampler.read([name]), {
        concurrency: "unbounded"
      })
      const first = yield* Effect.fork(each)
      yield* settle
      expect(bus.asked).toEqual(["holding 0+2"])
      // What is being read may be older than this question.
      const second = yield* Effect.fork(each)
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      expect(bus.asked).toEqual(["holding 0+2", "holding 0+2"])
    }))

  it.scoped("tells what is refused, and reads the rest", () =>
    Effect.gen(function*() {
      const bus = makeBus()
      bus.reply = (place) =>
        place.startsWith("input 40")
          ? Effect.fail(new ModbusConnection.ExceptionReply({ code: 2, place: "input 40-41" }))
          : Effect.void
      const sampler = yield* Sampler.make(pumpMap(), bus)
      const samples = yield* sampler.read(names)
      expect(plain(samples)).toMatchObject({
        flow: 0.01,
        odd: "input 40-41: the device answered with exception 2, illegal data address"
      })
      expect(samples.get("odd")).toMatchObject({ left: { refused: true } })
    }))

  it.scoped("does not ask again in a round what is silent", () =>
    Effect.gen(function*() {
      const bus = makeBus()
      bus.reply = () =>
        Effect.fail(new ModbusConnection.NoReply({ why: "time-out", detail: "no reply" }))
      const sampler = yield* Sampler.make(pumpMap(), bus)
      const samples = yield* sampler.read(names)
      expect(new Set(Object.values(plain(samples)))).toEqual(new Set(["no reply"]))
      expect(bus.asked).toEqual(["coil 0+1"])
      bus.reply = () => Effect.void
      expect(plain(yield* sampler.read(["speed"]))).toEqual({ speed: 1 })
    }))
})
