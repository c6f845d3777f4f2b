import { describe, expect, it } from "@effect/vitest"
import { ModbusBus, ModbusConnection } from "@plantd/example-modbus"
import { Driver } from "@plantd/hardware"
import { Effect, Exit, Fiber, Logger, Scope, TestClock } from "effect"
import { settle, until } from "../hardware/peers.ts"
import { makePlc, networkOf, type Plc, writesOf } from "./plc.ts"

const options: ModbusBus.BusOptions = {
  host: "plc",
  port: 502,
  unitId: 1,
  requestTimeoutMillis: 1_000,
  connectTimeoutMillis: 2_000
}

const span = { table: "holding", address: 0, count: 2 } as const
const request = { table: "holding", address: 5, values: [7] } as const
const ordinary: ModbusBus.WriteOptions = { lane: "write", recheck: Effect.void }

const busOf = (plc: Plc) => Effect.provide(ModbusBus.make(options), networkOf(plc))

/** A bus that has reached its device. */
const reached = Effect.gen(function*() {
  const plc = makePlc()
  const bus = yield* busOf(plc)
  yield* bus.read(span)
  expect((yield* bus.health).hardware).toBe("ok")
  plc.asked.length = 0
  return { plc, bus }
})

const refusing = Effect.fail(new ModbusConnection.ConnectFailed({ detail: "refused" }))

/** A minute in steps, as a clock goes that nobody holds. */
const minute = Effect.repeatN(TestClock.adjust("500 millis"), 119)

const quiet = Effect.provide(Logger.replace(Logger.defaultLogger, Logger.none))

describe("a bus", () => {
  it.scoped("reads and writes over one connection", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.set("holding", 1, 42)
      expect(yield* bus.read(span)).toEqual([0, 42])
      yield* bus.write(request, ordinary)
      expect(plc.get("holding", 5)).toBe(7)
      expect(plc.connections).toBe(1)
    }).pipe(quiet))

  it.scoped("has one request under way at a time, whoever asks", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.replies = () => Effect.sleep("100 millis")
      yield* Effect.fork(Effect.all([bus.read(span), bus.read(span)], { concurrency: 2 }))
      yield* settle
      yield* Effect.fork(bus.write(request, ordinary))
      yield* settle
      expect(plc.asked).toEqual([{ read: "holding 0-1" }])
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(plc.asked.slice(1)).toEqual([{ write: "holding 5", values: [7] }])
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(plc.asked.length).toBe(3)
    }).pipe(quiet))

  it.scoped("without a reply says that there was none, and asks on a new connection", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.replies = () => Effect.never
      const write = yield* Effect.fork(Effect.flip(bus.write(request, ordinary)))
      yield* settle
      expect(plc.open.size).toBe(1)
      yield* TestClock.adjust("999 millis")
      expect(plc.connections).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect(yield* Fiber.join(write)).toMatchObject({ _tag: "NoReply", why: "time-out" })
      plc.replies = () => Effect.void
      expect(yield* bus.read(span)).toEqual([0, 0])
      expect(plc.connections).toBe(2)
      expect(plc.open.size).toBe(1)
      expect(writesOf(plc).length).toBe(1)
      expect((yield* bus.health).hardware).toBe("ok")
    }).pipe(quiet))

  it.scoped("whose request was given up asks on a new connection as well", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.replies = () => Effect.never
      const read = yield* Effect.fork(bus.read(span))
      yield* settle
      yield* Fiber.interrupt(read)
      plc.replies = () => Effect.void
      yield* bus.read(span)
      expect(plc.connections).toBe(2)
    }).pipe(quiet))

  it.scoped("keeps its connection after an exception: the device answered", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      const exception = new ModbusConnection.ExceptionReply({ code: 2, place: "holding 5" })
      plc.replies = () => Effect.fail(exception)
      expect(yield* Effect.flip(bus.write(request, ordinary))).toBe(exception)
      expect((yield* bus.health).hardware).toBe("ok")
      expect(plc.connections).toBe(1)
    }).pipe(quiet))

  it.scoped("tells at once of a connection that the device closed, and makes another", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.accepts = refusing
      yield* plc.cut("the device closed the connection")
      yield* until(
        "it is down",
        Effect.map(bus.health, ({ hardware }) => hardware === "down")
      )
      const error = yield* Effect.flip(bus.write(request, ordinary))
      expect(error).toMatchObject({ _tag: "NotSent" })
      expect(error.message).toMatch(/^plc:502: (not connected \()?refused.*nothing was sent$/)
      plc.accepts = Effect.void
      yield* TestClock.adjust("5 seconds")
      expect(yield* bus.read(span)).toEqual([0, 0])
      expect(writesOf(plc)).toEqual([])
    }).pipe(quiet))

  it.scoped("without a connection for a request under way does not know what became of it", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      plc.replies = () => Effect.never
      const write = yield* Effect.fork(Effect.flip(bus.write(request, ordinary)))
      yield* settle
      yield* plc.cut("reset by peer")
      expect(yield* Fiber.join(write)).toMatchObject({ _tag: "NoReply", why: "closed" })
      expect((yield* bus.health).hardware).toBe("down")
    }).pipe(quiet))

  it.scoped("tries to connect less and less often, and an emergency at once", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      plc.accepts = refusing
      const bus = yield* busOf(plc)
      yield* settle
      expect(plc.connections).toBe(1)
      yield* minute
      // 250 ms doubling to 5 s, a fifth of it at random.
      expect(plc.connections).toBeGreaterThan(12)
      expect(plc.connections).toBeLessThan(24)
      const before = plc.connections
      yield* Effect.flip(bus.write(request, ordinary))
      expect(plc.connections).toBe(before)
      plc.accepts = Effect.void
      yield* bus.write(request, { ...ordinary, lane: "emergency" })
      expect(plc.connections).toBe(before + 1)
    }).pipe(quiet))

  it.scoped("does not hurry back to a device that accepts and never answers", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      plc.replies = () => Effect.never
      const bus = yield* busOf(plc)
      yield* Effect.forkScoped(Effect.forever(
        Effect.either(bus.read(span)).pipe(
          Effect.zipRight(Effect.sleep("50 millis"))
        )
      ))
      yield* minute
      expect((yield* bus.health).hardware).toBe("down")
      expect(plc.connections).toBeLessThan(24)
    }).pipe(quiet))

  it.scoped("gives up a connection that is not made in time", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      plc.accepts = Effect.never
      const bus = yield* busOf(plc)
      const read = yield* Effect.fork(Effect.flip(bus.read(span)))
      yield* settle
      yield* TestClock.adjust("2 seconds")
      expect((yield* Fiber.join(read)).message).toContain("no connection within 2000 ms")
    }).pipe(quiet))

  it.scoped("looks again when the turn of a write has come, and may send nothing", () =>
    Effect.gen(function*() {
      const { bus, plc } = yield* reached
      let allowed = true
      const recheck = Effect.suspend(() =>
        allowed ? Effect.void : Driver.refuse("expired", "too late")
      )
      plc.replies = () => Effect.sleep("500 millis")
      yield* Effect.fork(bus.read(span))
      yield* settle
      const write = yield* Effect.fork(Effect.flip(bus.write(request, { lane: "write", recheck })))
      yield* settle
      allowed = false
      yield* TestClock.adjust("500 millis")
      expect(yield* Fiber.join(write)).toMatchObject({ _tag: "Refusal", code: "expired" })
      expect(writesOf(plc)).toEqual([])
    }).pipe(quiet))

  it.effect("closes its connection with its scope", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      const scope = yield* Scope.make()
      const bus = yield* Scope.extend(busOf(plc), scope)
      yield* bus.read(span)
      expect(plc.open.size).toBe(1)
      yield* Scope.close(scope, Exit.void)
      expect(plc.open.size).toBe(0)
    }).pipe(quiet))
})
