import { describe, expect, it } from "@effect/vitest"
import { ModbusConnection, ModbusDevice, ModbusDriver } from "@plantd/example-modbus"
import { Driver } from "@plantd/hardware"
import { Cause, Effect, Exit, Fiber, TestClock } from "effect"
import { commands, rawNode, settle, until } from "../hardware/peers.ts"
import { pumpMap } from "./maps.ts"
import { makePlc, writesOf } from "./plc.ts"
import { hardware, rig, rigFor, serve, simulated } from "./rig.ts"

const dose = { liters: 2, into: "drain", gently: true }

describe("the driver of a Modbus device", () => {
  it.scoped("reads, writes and commands the device as its map says", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      plc.set("input", 0, 250)
      plc.set("holding", 4, 0b1000)
      expect(yield* pump.read("flow")).toMatchObject({ value: 2.5, unit: "L/s", quality: "good" })
      expect(yield* pump.read("alarm")).toMatchObject({ value: true })
      yield* pump.write("speed", 1_200)
      yield* pump.write("mode", "manual")
      yield* pump.invoke("dose", dose)
      yield* pump.invoke("stop", {})
      expect(writesOf(plc)).toEqual([
        { write: "holding 0", values: [1_200] },
        { write: "holding 1", values: [1] },
        { write: "holding 11", values: [8] },
        { write: "coil 2", values: [1] },
        { write: "holding 10", values: [4] },
        { write: "coil 0", values: [0] },
        { write: "holding 0", values: [0] }
      ])
    }).pipe(simulated))

  it.scoped("publishes what it polls, with its reason where there is no value", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      plc.set("holding", 1, 9)
      plc.replies = (place) =>
        place.startsWith("input 40")
          ? Effect.fail(new ModbusConnection.ExceptionReply({ code: 2, place }))
          : Effect.void
      yield* TestClock.adjust("500 millis")
      yield* until(
        "the readings are there",
        Effect.map(
          pump.snapshot,
          ({ mode, odd }) => mode?.quality === "bad" && odd?.quality === "bad"
        )
      )
      const all = yield* pump.snapshot
      expect(all["flow"]).toMatchObject({ value: 0, quality: "good" })
      expect(all["mode"]?.reason).toContain("it holds 9, which is none of")
      expect(all["odd"]?.reason).toContain("exception 2, illegal data address")
      yield* hardware(pump, "degraded")
    }).pipe(simulated))

  it.scoped("goes on polling after one that met a defect", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      plc.replies = () => Effect.dieMessage("a bug")
      yield* TestClock.adjust("500 millis")
      yield* settle
      plc.replies = () => Effect.void
      plc.set("input", 0, 123)
      yield* TestClock.adjust("500 millis")
      yield* until(
        "it reads again",
        Effect.map(pump.snapshot, ({ flow }) => flow?.value === 1.23)
      )
    }).pipe(simulated))

  it.scoped("asks for all attributes of a snapshot together", () =>
    Effect.gen(function*() {
      const { plc } = yield* rig
      // The first poll and the snapshot of the node: five requests each, at most.
      expect(plc.asked.length).toBeLessThanOrEqual(10)
    }).pipe(simulated))

  it.scoped("says that an outcome is unknown where no reply came, and writes once", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      plc.replies = (place) => place === "holding 10" ? Effect.never : Effect.void
      const doing = yield* Effect.fork(Effect.flip(pump.invoke("dose", dose)))
      yield* settle
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(doing)
      expect(error).toMatchObject({ _tag: "OutcomeUnknown" })
      expect(error.message).toContain("2 of 3 writes were done, then: no reply within 1000 ms")
      expect(writesOf(plc).length).toBe(3)
      expect(plc.connections).toBe(2)
    }).pipe(simulated))

  it.scoped.each<readonly [string, ModbusConnection.RequestError, string, string]>([
    ["an exception", exception(2), "CommandFailed", "illegal data address"],
    ["a failure", exception(4), "CommandFailed", "server device failure"],
    ["being busy", exception(6), "CommandRejected", "busy"],
    ["that it goes on with it", exception(5), "OutcomeUnknown", "acknowledge"],
    ["that a gateway heard no more", exception(11), "OutcomeUnknown", "failed to respond"],
    [
      "garbage",
      new ModbusConnection.NoReply({ why: "invalid", detail: "another reply" }),
      "OutcomeUnknown",
      "another reply; it may act yet"
    ]
  ])(
    "answers a command with what the device said: %s",
    ([, reply, tag, text]) =>
      Effect.gen(function*() {
        const { plc, pump } = yield* rig
        plc.replies = (place) => place === "holding 11" ? Effect.fail(reply) : Effect.void
        const error = yield* Effect.flip(pump.invoke("dose", dose))
        expect(error._tag).toBe(tag)
        expect(error.message).toContain(text)
        // The rest of the command is not begun.
        expect(writesOf(plc).length).toBe(1)
      }).pipe(simulated)
  )

  it.scoped("refuses what no register can hold, and sends nothing", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rigFor(makePlc(), {
        attributes: {
          ...pumpMap().attributes,
          speed: { ...pumpMap().attributes["speed"], range: undefined }
        }
      })
      const error = yield* Effect.flip(pump.write("speed", 70_000))
      expect(error).toMatchObject({ _tag: "CommandRejected", reason: "validation" })
      expect(error.message).toContain("70000 does not fit into uint16")
      expect(writesOf(plc)).toEqual([])
    }).pipe(simulated))

  it.scoped("refuses commands and tells bad readings without the device, until it is back", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      const { pump } = yield* rigFor(plc)
      yield* hardware(pump, "ok")
      plc.accepts = Effect.fail(new ModbusConnection.ConnectFailed({ detail: "refused" }))
      yield* plc.cut("reset by peer")
      yield* hardware(pump, "down")
      const error = yield* Effect.flip(pump.write("speed", 5))
      expect(error).toMatchObject({ _tag: "CommandRejected", reason: "state" })
      expect(error.message).toContain("nothing was sent")
      expect((yield* pump.snapshot)["flow"]).toMatchObject({ value: null, quality: "bad" })
      plc.accepts = Effect.void
      yield* hardware(pump, "ok")
      yield* pump.write("speed", 5)
      expect(writesOf(plc)).toEqual([{ write: "holding 0", values: [5] }])
    }).pipe(simulated))

  it.scoped("makes the device safe when no node is heard, again and again until it is", () =>
    Effect.gen(function*() {
      const plc = makePlc()
      plc.set("coil", 0, 1)
      const map = pumpMap()
      yield* serve(map, plc)
      const node = yield* rawNode(commands)
      const { description } = ModbusDevice.deviceOf(map)
      expect((yield* node.ask("HELLO", { ...node.hello, description })).kind).toBe("READY")
      plc.replies = (place) => place === "holding 0" ? Effect.fail(exception(4)) : Effect.void
      yield* TestClock.adjust("4999 millis")
      expect(writesOf(plc)).toEqual([])
      yield* TestClock.adjust("1 millis")
      yield* settle
      const stop = [{ write: "coil 0", values: [0] }, { write: "holding 0", values: [0] }]
      expect(writesOf(plc)).toEqual(stop)
      plc.replies = () => Effect.void
      yield* TestClock.adjust("1 second")
      yield* settle
      expect(writesOf(plc)).toEqual([...stop, ...stop])
      yield* TestClock.adjust("10 seconds")
      expect(writesOf(plc).length).toBe(4)
    }).pipe(simulated))
})

function exception(code: number) {
  return new ModbusConnection.ExceptionReply({ code, place: "holding 11" })
}

describe("what a node may be told", () => {
  const told = (
    error: ModbusConnection.RequestError | Driver.Refusal,
    done: number
  ) =>
    Effect.map(
      Effect.exit(ModbusDriver.outcomeOf(error, { done, of: 3 })),
      (exit) => Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    )

  it.effect("nothing that was begun is called refused", () =>
    Effect.gen(function*() {
      const notSent = new ModbusConnection.NotSent({ detail: "gone" })
      for (const error of [notSent, exception(6), exception(2)]) {
        const half = yield* told(error, 1)
        expect(half).toBeInstanceOf(ModbusDriver.NotDone)
        expect(String(half)).toContain("1 of 3 writes were done, then:")
      }
      expect(yield* told(notSent, 0)).toBeInstanceOf(Driver.Refusal)
      expect(yield* told(exception(11), 2)).toBeInstanceOf(Driver.Unknown)
    }))
})
