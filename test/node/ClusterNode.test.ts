import { NodeContext } from "@effect/platform-node"
import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import { ClusterNode, NodeConfig } from "@plantd/node"
import { Effect, Layer, Logger } from "effect"
import { chmodSync, statSync, writeFileSync } from "node:fs"
import { databaseFile } from "../actors/durable.ts"

const starting = (more: Partial<NodeConfig.NodeConfig>) =>
  Effect.flip(
    Layer.build(ClusterNode.layer({ ...NodeConfig.defaults, storage: ":memory:", ...more })).pipe(
      Effect.provide(NodeContext.layer)
    )
  )

describe("a node that cannot start", () => {
  it.scopedLive.each(
    [
      [{ storage: "/nowhere/at/all.db" }, "StorageUnavailable", "directory does not exist"],
      [{ storage: "postgres://u:hidden@127.0.0.1:1/x" }, "StorageUnavailable", "ECONNREFUSED"],
      [{ storage: "postgres://u:hid/hidden@127.0.0.1:1/x" }, "StorageUnavailable", "Invalid URL"],
      [
        { storage: "mysql://me@x/y" },
        "StorageUnavailable",
        "expected a file of SQLite, or postgres"
      ],
      // Before it looks at its storage, and takes shards from anybody.
      [{ storage: "/nowhere/at/all.db", modules: ["nowhere.js"] }, "ModuleInvalid", "nowhere.js"],
      [{ port: 25_001, modules: ["nowhere.js"] }, "ModuleInvalid", "nowhere.js"],
      [{ port: 25_002, modules: ["vitest.config.ts"] }, "ModuleInvalid", "expected a Layer"],
      [{ port: 25_003, host: "203.0.113.1" }, "CannotListen", "203.0.113.1:25003"]
    ] as const
  )("%o: %s, %s", ([more, tag, says]) =>
    Effect.gen(function*() {
      const error = yield* starting(more)
      expect(error._tag).toBe(tag)
      expect(error.message).toContain(says)
      expect(error.message).not.toContain("hidden")
    }))

  it.scopedLive("a new database file, and those beside it, can be read by its owner alone", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      yield* Effect.gen(function*() {
        const { join } = yield* LeaseStore
        const protocols = { oldest: 1, newest: 1 }
        const node = { address: "a:1", session: "a", protocols, weight: 1, shards: 4 }
        yield* join(node, { ttlMillis: 1_000 })
        for (const name of [file, `${file}-wal`, `${file}-shm`]) {
          expect([name, statSync(name).mode & 0o777]).toEqual([name, 0o600])
        }
      }).pipe(Effect.provide(Layer.provide(SqlLeaseStore.layer, ClusterNode.storage(file))))
    }))

  it.scopedLive("a file that all can read is left as it is, and said", () =>
    Effect.gen(function*() {
      const file = yield* databaseFile
      const said: Array<string> = []
      const logger = Logger.make(({ message }) => void said.push(String(message)))
      for (const mode of [0o644, 0o640]) {
        writeFileSync(file, "")
        chmodSync(file, mode)
        yield* Layer.build(ClusterNode.storage(file)).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        expect(statSync(file).mode & 0o777).toBe(mode)
      }
      expect(said).toEqual([
        `all users of this machine can read ${file}, and be nodes of its cluster:`
        + ` chmod o-rwx ${file}*`
      ])
    }))

  it("a storage is shown without its password", () => {
    expect(ClusterNode.shown("postgres://me:secret@host:5432/db")).toBe(
      "postgres://me:***@host:5432/db"
    )
    expect(ClusterNode.shown("postgres://me:se@cr/et@host/db")).toBe("postgres://me:***@host/db")
    expect(ClusterNode.shown("postgres://host/db?user=me&password=secret&ssl=true")).toBe(
      "postgres://host/db?user=me&password=***&ssl=true"
    )
    expect(ClusterNode.shown("postgres://host/db")).toBe("postgres://host/db")
    expect(ClusterNode.shown("plantd.db")).toBe("plantd.db")
  })
})
