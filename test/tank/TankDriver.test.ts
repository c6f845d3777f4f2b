import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { TankDriver, TankModel, TankStore } from "@plantd/example-tank"
import { Effect, Exit, Option, Scope, TestClock } from "effect"
import { atRest, device, endpoints, pass, plantLayer, startNode, startRig } from "./plant.ts"

const directory = Effect.flatMap(FileSystem.FileSystem, (files) => files.makeTempDirectoryScoped())

/** A rig and a node whose link to it is online. */
const connected = Effect.gen(function*() {
  const rig = yield* startRig({ from: Option.some(atRest) })
  const { tank } = yield* startNode()
  yield* tank.link
  yield* pass(0.2)
  expect((yield* tank.link).state).toBe("online")
  return { rig, tank }
})

describe("TankDriver", () => {
  it.scoped("each instrument can be read", () =>
    Effect.gen(function*() {
      const { rig, tank } = yield* connected
      const { state } = yield* rig.simulator.kept
      const flow = TankModel.flows(TankModel.standard, state)
      const close = (reading: { readonly value: number | null }, expected: number) =>
        expect(Math.abs((reading.value ?? Number.NaN) - expected)).toBeLessThan(0.002)
      close(yield* tank.read.level1, state.level1)
      close(yield* tank.read.level2, state.level2)
      close(yield* tank.read.pumpSpeed, state.pumpSpeed)
      close(yield* tank.read.valveOpening, state.valveOpening)
      close(yield* tank.read.inflow, flow.pump * 1_000)
      close(yield* tank.read.outflow, flow.drain * 1_000)
      expect((yield* tank.read.state).value).toBe("ready")
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("all readings are published twenty times a second", () =>
    Effect.gen(function*() {
      const { rig } = yield* connected
      const before = yield* rig.driver.counters
      yield* pass(1)
      const after = yield* rig.driver.counters
      expect(after.readingsPublished - before.readingsPublished).toBe(7 * 20)
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("pump and valve go where they are told", () =>
    Effect.gen(function*() {
      const { rig, tank } = yield* connected
      yield* tank.write.pumpSpeed(80)
      yield* tank.write.valveOpening(20)
      yield* pass(2)
      const { state } = yield* rig.simulator.kept
      expect(Math.abs(state.pumpSpeed - 80)).toBeLessThan(0.1)
      expect(Math.abs(state.valveOpening - 20)).toBeLessThan(0.1)
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("a speed out of range is rejected, and the pump stays as it is", () =>
    Effect.gen(function*() {
      const { rig, tank } = yield* connected
      for (const speed of [-1, 101, Number.NaN]) {
        const error = yield* Effect.flip(tank.write.pumpSpeed(speed))
        expect(error).toMatchObject({ _tag: "CommandRejected", reason: "validation" })
      }
      yield* pass(1)
      expect((yield* rig.simulator.kept).state.pumpSpeed).toBeLessThan(1)
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("an emergency stop turns the pump off until it is released", () =>
    Effect.gen(function*() {
      const { rig, tank } = yield* connected
      yield* tank.write.pumpSpeed(60)
      yield* pass(1)
      const early = yield* Effect.flip(tank.release())
      expect(early).toMatchObject({ _tag: "CommandRejected", reason: "state" })
      yield* tank.stop()
      yield* pass(1)
      expect((yield* rig.simulator.kept).state.pumpSpeed).toBeLessThan(1)
      expect((yield* tank.snapshot).state.value).toBe("stopped")
      const refused = yield* Effect.flip(tank.write.pumpSpeed(60))
      expect(refused).toMatchObject({ _tag: "CommandRejected", reason: "state" })
      expect(refused.message).toContain("until the command release")
      yield* tank.release()
      yield* tank.write.pumpSpeed(60)
      yield* pass(1)
      expect((yield* rig.simulator.kept).state.pumpSpeed).toBeGreaterThan(59)
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("the pump is turned off when no node is heard for 3 s", () =>
    Effect.gen(function*() {
      const rig = yield* startRig()
      const scope = yield* Scope.make()
      const { tank } = yield* Scope.extend(startNode(), scope)
      yield* tank.link
      yield* pass(0.2)
      yield* tank.write.pumpSpeed(60)
      yield* pass(1)
      yield* Scope.close(scope, Exit.void)
      yield* pass(TankDriver.silenceMillis / 1_000 - 1.5)
      expect((yield* rig.simulator.kept).state.pumpSpeed).toBeGreaterThan(59)
      yield* pass(3)
      expect((yield* rig.simulator.kept).state.pumpSpeed).toBeLessThan(1)
    }).pipe(Effect.provide(plantLayer)))

  it.scoped("a rig goes on in its directory where the process before it was killed", () =>
    Effect.gen(function*() {
      const path = yield* Path.Path
      const here = yield* directory
      const file = path.join(here, "tank-1.water.json")
      yield* TankStore.save(file, atRest)
      yield* TestClock.adjust("2 seconds")
      const expected = yield* TankStore.load(file, TankModel.standard)
      yield* TankDriver.start({ device, ...endpoints, seed: 1, directory: here })
      expect(yield* TankStore.load(file, TankModel.standard)).toEqual(expected)
      expect(Option.getOrThrow(expected).state.level2).toBeLessThan(0.25)
    }).pipe(Effect.provide([plantLayer, NodeContext.layer])))

  it.scoped("a second process of a rig is told of the port in use and leaves the water alone", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const here = yield* directory
      yield* startRig()
      const options = { device, ...endpoints, seed: 1, directory: here }
      const error = yield* Effect.flip(TankDriver.start(options))
      expect(error._tag).toBe("TransportError")
      expect(error.message).toContain(endpoints.commands)
      expect(yield* files.readDirectory(here)).toEqual([])
    }).pipe(Effect.provide([plantLayer, NodeContext.layer])))
})
