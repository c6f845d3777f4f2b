import { FileSystem, Path } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { DriverStore } from "@plantd/hardware"
import { Effect } from "effect"

const nextEpoch = (device: string) =>
  Effect.flatMap(DriverStore.DriverStore, (store) => store.nextEpoch(device))

const inDirectory = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = path.join(yield* files.makeTempDirectoryScoped(), "epochs")
  /** A start of a device process: a store that knows nothing but the files. */
  const start = (device: string) => Effect.provide(nextEpoch(device), DriverStore.file(directory))
  return { files, directory, start, place: path.join(directory, "tank%2F1.json") }
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

  it.scopedLive.each(["", "{}", '{"epoch":-1}', '{"epoch":"7"}', "garbage"])(
    "a damaged file (%s) ends the start, and is never taken as a new beginning",
    (content) =>
      Effect.gen(function*() {
        const { files, place, start } = yield* inDirectory
        yield* start("tank/1")
        yield* files.writeFileString(place, content)
        const error = yield* Effect.flip(start("tank/1"))
        expect(error.message).toContain(place)
        expect(error.message).toContain('the file is damaged: expected {"epoch":n}')
        expect(yield* files.readFileString(place)).toBe(content)
      }).pipe(Effect.provide(NodeContext.layer))
  )

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
    }).pipe(Effect.provide(DriverStore.memory)))
})
