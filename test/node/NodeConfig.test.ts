import { FileSystem } from "@effect/platform"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { NodeConfig } from "@plantd/node"
import { Effect } from "effect"

/** The configuration from a file with this text, and from the other sources. */
const loaded = (text: string | undefined, sources: Partial<NodeConfig.Sources> = {}) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const file = `${yield* files.makeTempDirectoryScoped()}/node.yaml`
    if (text !== undefined) yield* files.writeFileString(file, text)
    return yield* NodeConfig.load({
      file: text === undefined ? undefined : file,
      environment: {},
      flags: {},
      ...sources
    })
  }).pipe(Effect.provide(NodeContext.layer))

describe("the configuration of a node", () => {
  it.scoped("is one node on loopback with a file of SQLite, where nothing is said", () =>
    Effect.gen(function*() {
      expect(yield* loaded(undefined)).toEqual({
        name: "node",
        host: "127.0.0.1",
        port: 7_700,
        listenHost: undefined,
        listenPort: undefined,
        weight: 0,
        storage: "plantd.db",
        shards: 256,
        lease: "2000ms",
        refresh: "250ms",
        handoff: "3000ms",
        drain: "10000ms",
        modules: []
      })
      expect(yield* loaded("# nothing\n")).toEqual(yield* loaded(undefined))
    }))

  it.scoped("takes each key from the file, the environment or a flag, the last of them first", () =>
    Effect.gen(function*() {
      const config = yield* loaded("port: 1\nweight: 2\nlease: 3s\nmodules: [a.js, b.js]\n", {
        environment: {
          PLANTD_WEIGHT: "4",
          PLANTD_LEASE: "5s",
          PLANTD_LISTEN_HOST: "::1",
          PLANTD_LISTEN_PORT: "7800",
          PLANTD_CONFIG: "node.yaml",
          PLANTD_CONTROL: "ipc://x",
          PATH: "/bin"
        },
        flags: { lease: "6s", port: undefined }
      })
      expect(config).toMatchObject({
        port: 1,
        weight: 4,
        lease: "6s",
        listenHost: "::1",
        listenPort: 7_800,
        modules: ["a.js", "b.js"]
      })
    }))

  it.scoped("gives a node its share of the shards where it has modules", () =>
    Effect.gen(function*() {
      expect((yield* loaded("modules: [a.js]")).weight).toBe(1)
      expect((yield* loaded("modules: []")).weight).toBe(0)
      expect((yield* loaded("weight: 3")).weight).toBe(3)
    }))

  it.scoped.each([
    ["prot: 1", "unknown key prot; did you mean port?"],
    ["weather: 1", "unknown key weather; there is name, host, port"],
    ["port: zero", 'port: Expected number, actual "zero"'],
    ["port: 70000", "port: Expected a number between 1 and 65535, actual 70000"],
    ["lease: soon", "lease: expected a number and ms, s, m or h"],
    ["drain: 20", "drain: expected a number and ms, s, m or h, for example 20s, got 20"],
    ["modules: a.js", "modules: expected a list of files, each on a line of its own that begins"],
    ["- a", "expected keys with values"],
    ["port: [", "Flow sequence"],
    ["modules: &a [*a]", "aliases are not taken"]
  ])("%s is refused: %s", ([text, says]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(loaded(text))
      expect(error._tag).toBe("ConfigInvalid")
      expect(error.message).toContain(says)
      expect(error.message).toContain("node.yaml")
    }))

  it.scoped.each<[Partial<NodeConfig.Sources>, string]>([
    [
      { flags: { lease: "500ms", refresh: "300ms" } },
      "refresh: 300ms is more than a third of the lease (500ms)"
    ],
    [{ environment: { PLANTD_PROT: "1" } }, "environment: unknown key PLANTD_PROT; did you mean"],
    [{ environment: { PLANTD_PORT: "x" } }, "PLANTD_PORT: port: Expected"],
    [{ flags: { port: 0 } }, "command line: port: Expected"],
    [{ flags: { name: "n".repeat(129) } }, "name: expected at most 128 characters"],
    [{ file: "nowhere/node.yaml" }, "nowhere/node.yaml: "]
  ])("%o is refused: %s", ([sources, says]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(loaded(undefined, sources))
      expect(error.message).toContain(says)
    }))
})

it("as flags a configuration names each of its keys, so that nothing else is heard", () => {
  const config = { ...NodeConfig.defaults, port: 7_701, modules: ["a.ts", "b.ts"] }
  const words = NodeConfig.argumentsOf(config)
  expect(words.join(" ")).toContain("--port 7701")
  expect(words.join(" ")).toContain("--modules a.ts --modules b.ts")
  expect(words).not.toContain("--listen-host")
  expect(NodeConfig.argumentsOf({ ...config, listenHost: "::" })).toContain("--listen-host")
})
