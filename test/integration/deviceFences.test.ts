import { SqliteClient } from "@effect/sql-sqlite-node"
import { describe, expect, it } from "@effect/vitest"
import { Fence } from "@plantd/core"
import { DeviceStore } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer } from "effect"
import { join } from "node:path"
import * as harness from "./harness.ts"
import { folder, startDriver, startNode } from "./plant.ts"
import { device } from "./valve.ts"

/** Makes the next fence of the valve in this database one more than this. */
const claimed = (directory: string, fence: number) =>
  Effect.flatMap(
    DeviceStore,
    (store) => store.claim({ type: "Valve", id: device }, { fence: Fence.Fence.make(fence) })
  ).pipe(
    Effect.provide(
      SqlDeviceStore.layer.pipe(
        Layer.provide(SqliteClient.layer({ filename: join(directory, "devices.db") }))
      )
    ),
    Effect.orDie
  )

describe("two nodes that control one device", () => {
  it.scopedLive(
    "the one with fence 7 is refused after fence 8, also when the driver was killed",
    () =>
      Effect.gen(function*() {
        const directory = yield* folder
        const driver = yield* startDriver(directory)
        yield* claimed(directory, 6)
        const seven = yield* startNode(directory, driver.endpoints, ["write:a:10"])
        expect(yield* seven.told("write:a:10")).toMatchObject({ state: "answered" })
        const eight = yield* startNode(directory, driver.endpoints, ["write:b:20"])
        expect(yield* eight.told("write:b:20")).toMatchObject({ state: "answered" })
        // A third one keeps a database of its own, as a node does that was cut off: its fence is 7.
        const apart = yield* folder
        yield* claimed(apart, 6)
        const cutOff = yield* startNode(apart, driver.endpoints, ["write:c:30"])
        const refused = (node: typeof cutOff) =>
          harness.waitUntil(
            "it is refused",
            () => node.said().some(({ reason }) => String(reason).includes("(stale-fence)"))
          )
        yield* refused(cutOff)
        expect(driver.did("write")).toBe(2)
        yield* driver.running.signal("SIGKILL")
        yield* driver.running.ended
        const again = yield* startDriver(directory)
        // The new process has heard of no fence yet but in its file.
        const former = yield* folder
        yield* claimed(former, 6)
        yield* refused(yield* startNode(former, again.endpoints, ["write:e:50"]))
        // It claimed anew where it keeps its fences: 8 is what the driver has seen, and is obeyed.
        const late = yield* startNode(apart, again.endpoints, ["write:d:40"])
        expect(yield* late.told("write:d:40")).toMatchObject({ state: "answered" })
        expect(again.did("write")).toBe(1)
      }),
    60_000
  )
})
