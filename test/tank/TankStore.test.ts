import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { TankModel, TankSimulator, TankStore } from "@plantd/example-tank"
import { Effect, Exit, Option, Scope, TestClock } from "effect"

const rig = TankModel.standard

const water: TankModel.TankState = {
  ...TankModel.empty(4),
  level1: 0.375,
  level2: 0.3,
  pumpSpeed: 45,
  valveOpening: 50
}

const full: TankStore.Kept = { state: water, stopped: false }

const stateFile = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  return path.join(yield* files.makeTempDirectoryScoped(), "tank-1.water.json")
})

/** Waits for real file operations between two looks; virtual time stands still meanwhile. */
const waitUntil = <E, R>(condition: Effect.Effect<boolean, E, R>) =>
  Effect.yieldNow().pipe(
    Effect.zipRight(condition),
    Effect.repeat({ until: (holds) => holds, times: 100_000 })
  )

describe("TankStore", () => {
  it.scoped("without a file there is no water to go on with", () =>
    Effect.gen(function*() {
      expect(yield* TankStore.load(yield* stateFile, rig)).toEqual(Option.none())
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("what was saved is there again at the same moment", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      yield* TankStore.save(path, full)
      expect(yield* TankStore.load(path, rig)).toEqual(Option.some(full))
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("who looks at the file sees what was saved, and when, not what has become of it", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      expect(yield* TankStore.read(path)).toEqual(Option.none())
      yield* TestClock.adjust("2 seconds")
      yield* TankStore.save(path, full)
      yield* TestClock.adjust("6 seconds")
      const seen = Option.getOrThrow(yield* TankStore.read(path))
      expect(seen).toMatchObject({ ...full, savedAt: 2_000 })
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("the tank drains while its process is away, since its pump stops with it", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      yield* TankStore.save(path, full)
      yield* TestClock.adjust("6 seconds")
      const expected = TankModel.step(rig, water, { pumpSpeed: 0, valveOpening: 50 }, 6)
      expect(yield* TankStore.load(path, rig)).toEqual(
        Option.some({ state: expected, stopped: false })
      )
      expect(expected.level2).toBeLessThan(0.05)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("an emergency stop is not forgotten", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      yield* TankStore.save(path, { ...full, stopped: true })
      const again = yield* TankSimulator.make({ seed: 1, from: yield* TankStore.load(path, rig) })
      expect((yield* again.view).state).toBe("stopped")
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a clock that was set back counts as no time", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      yield* TestClock.adjust("1 hour")
      yield* TankStore.save(path, full)
      yield* TestClock.setTime(0)
      expect(yield* TankStore.load(path, rig)).toEqual(Option.some(full))
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a file that holds no tank is an error that names it, and is left as it is", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const path = yield* stateFile
      const impossible = JSON.stringify({
        version: 1,
        savedAt: 0,
        stopped: false,
        state: { ...water, level1: -1 }
      })
      for (const text of ["", "not json", "{}", "[1, 2]", impossible]) {
        yield* files.writeFileString(path, text)
        const error = yield* Effect.flip(TankStore.load(path, rig))
        expect(error._tag).toBe("StateFileError")
        expect(error.message).toContain(`cannot read the state file ${path}: `)
        expect(error.message.split("\n")).toHaveLength(1)
        expect(yield* files.readFileString(path)).toBe(text)
      }
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a file that cannot be written is an error that names it", () =>
    Effect.gen(function*() {
      const path = `${yield* stateFile}/no/such/directory`
      const error = yield* Effect.flip(TankStore.save(path, full))
      expect(error.message).toContain(`cannot write the state file ${path}: `)
      const simulator = yield* TankSimulator.make({ seed: 1 })
      expect(yield* Effect.flip(TankSimulator.keep(simulator, path))).toMatchObject({ path })
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scoped("a rig that is kept is in its file at once, again and again, and at its end", () =>
    Effect.gen(function*() {
      const path = yield* stateFile
      const simulator = yield* TankSimulator.make({ seed: 1, from: Option.some(full) })
      const scope = yield* Scope.make()
      const saved = Effect.map(TankStore.load(path, rig), Option.getOrThrow)
      yield* Scope.extend(TankSimulator.keep(simulator, path), scope)
      expect(yield* saved).toEqual(full)
      yield* TestClock.adjust(TankSimulator.saveMillis)
      const { state: now } = yield* simulator.kept
      yield* waitUntil(Effect.map(saved, ({ state }) => state.drained === now.drained))
      yield* simulator.tell({ pumpSpeed: 70, valveOpening: 0 })
      yield* TestClock.adjust(TankSimulator.saveMillis / 2)
      yield* Scope.close(scope, Exit.void)
      expect(yield* saved).toEqual(yield* simulator.kept)
    }).pipe(Effect.provide(NodeContext.layer)))
})
