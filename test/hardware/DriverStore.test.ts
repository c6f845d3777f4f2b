import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { Fence } from "@plantd/core"
import { DriverStore } from "@plantd/hardware"
import { Effect } from "effect"

const nextEpoch = (device: string) =>
  Effect.flatMap(DriverStore.DriverStore, (store) => store.nextEpoch(device))

const highestFence = (device: string) =>
  Effect.flatMap(DriverStore.DriverStore, (store) => store.highestFence(device))

const keepFence = (device: string, fence: number) =>
  Effect.flatMap(
    DriverStore.DriverStore,
    (store) => store.keepFence(device, Fence.Fence.make(fence))
  )

const inDirectory = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = path.join(yield* files.makeTempDirectoryScoped(), "epochs")
  /** A start of a device process: a store that knows nothing but the files. */
  const start = (device: string) => Effect.provide(nextEpoch(device), DriverStore.file(directory))
  /** The fence as a device process finds it that knows nothing but the files. */
  const highest = (device: string) =>
    Effect.provide(highestFence(device), DriverStore.file(directory))
  const keep = (device: string, fence: number) =>
    Effect.provide(keepFence(device, fence), DriverStore.file(directory))
  return { files, directory, start, highest, keep, place: path.join(directory, "tank%2F1.json") }
})

describe("file", () => {
  it.scopedLive("each start has an epoch that is one more than the last", () =>
    Effect.gen(function*() {
      const { directory, files, start } = yield* inDirectory
      expect(yield* start("tank/1")).toBe(1)
      expect(yield* start("tank/1")).toBe(2)
      expect(yield* start("tank/2")).toBe(1)
      expect((yield* files.readDirectory(directory)).toSorted()).toEqual([
        "tank%2F1.json",
        "tank%2F2.json"
      ])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("what a crash left beside the file does not matter", () =>
    Effect.gen(function*() {
      const { files, place, start } = yield* inDirectory
      yield* start("tank/1")
      yield* files.writeFileString(`${place}.tmp`, '{"epo')
      expect(yield* start("tank/1")).toBe(2)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive.each([
    "",
    "{}",
    '{"epoch":-1}',
    '{"epoch":"7"}',
    '{"epoch":7,"fence":-1}',
    '{"epoch":7,"fence":null}',
    "garbage"
  ])(
    "a damaged file (%s) ends the start, and is never taken as a new beginning",
    (content) =>
      Effect.gen(function*() {
        const { files, highest, keep, place, start } = yield* inDirectory
        yield* start("tank/1")
        yield* files.writeFileString(place, content)
        const error = yield* Effect.flip(start("tank/1"))
        expect(error.message).toContain(place)
        expect(error.message).toContain('the file is damaged: expected {"epoch":n,"fence":m}')
        expect((yield* Effect.flip(highest("tank/1"))).message).toContain("the file is damaged")
        expect((yield* Effect.flip(keep("tank/1", 8))).message).toContain("the file is damaged")
        expect(yield* files.readFileString(place)).toBe(content)
      }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scopedLive("the highest fence outlives the process; no lower one changes it", () =>
    Effect.gen(function*() {
      const { files, highest, keep, place, start } = yield* inDirectory
      expect(yield* highest("tank/1")).toBe(0)
      yield* start("tank/1")
      yield* keep("tank/1", 7)
      yield* keep("tank/1", 8)
      yield* keep("tank/1", 7)
      expect(yield* start("tank/1")).toBe(2)
      expect(yield* highest("tank/1")).toBe(8)
      expect(yield* highest("tank/2")).toBe(0)
      expect(yield* files.readFileString(place)).toBe('{"epoch":2,"fence":8}')
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("a file of before fences were kept is read as without one", () =>
    Effect.gen(function*() {
      const { files, highest, keep, place, start } = yield* inDirectory
      yield* start("tank/1")
      yield* files.writeFileString(place, '{"epoch":41}')
      expect(yield* highest("tank/1")).toBe(0)
      yield* keep("tank/1", 3)
      expect(yield* start("tank/1")).toBe(42)
      expect(yield* highest("tank/1")).toBe(3)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("a fence is not kept where the file is gone since the start", () =>
    Effect.gen(function*() {
      const { files, keep, place, start } = yield* inDirectory
      yield* start("tank/1")
      yield* files.remove(place)
      const error = yield* Effect.flip(keep("tank/1", 3))
      expect(error.message).toContain("cannot keep the fence for device tank/1")
      expect(error.message).toContain("the file is gone since the process began")
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("fences that are kept at the same time leave the highest", () =>
    Effect.gen(function*() {
      const { directory, highest, start } = yield* inDirectory
      yield* start("tank/1")
      yield* Effect.forEach([3, 9, 5, 7, 8], (fence) => keepFence("tank/1", fence), {
        concurrency: "unbounded"
      }).pipe(Effect.provide(DriverStore.file(directory)))
      expect(yield* highest("tank/1")).toBe(9)
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("a place that cannot be written to ends the start, and is named", () =>
    Effect.gen(function*() {
      const { directory, files, start } = yield* inDirectory
      yield* files.writeFileString(directory, "not a directory")
      const error = yield* Effect.flip(start("tank/1"))
      expect(error._tag).toBe("DriverStoreError")
      expect(error.message).toContain(directory)
    }).pipe(Effect.provide(NodeContext.layer)))
})

describe("memory", () => {
  it.effect("counts starts for as long as the process lives", () =>
    Effect.gen(function*() {
      expect(yield* nextEpoch("a")).toBe(1)
      expect(yield* nextEpoch("a")).toBe(2)
      expect(yield* nextEpoch("b")).toBe(1)
      yield* keepFence("a", 8)
      yield* keepFence("a", 7)
      expect([yield* highestFence("a"), yield* highestFence("b")]).toEqual([8, 0])
      expect(yield* nextEpoch("a")).toBe(3)
      expect(yield* highestFence("a")).toBe(8)
    }).pipe(Effect.provide(DriverStore.memory)))
})
