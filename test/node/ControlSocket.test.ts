import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { describe, expect, it } from "@effect/vitest"
import { ActorSystem } from "@plantd/actors"
import { ZmqTransport } from "@plantd/hardware"
import { ControlSocket } from "@plantd/node"
import { ConfigProvider, Effect, Layer, type Scope } from "effect"
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const processEnded = 4_194_304 // beyond what Linux gives out (pid_max)

/** Runs with directories of its own for sockets. */
const alone = <A, E>(
  body: (base: string) => Effect.Effect<
    A,
    E,
    | FileSystem.FileSystem
    | ActorSystem
    | Layer.Layer.Success<typeof ZmqTransport.layer>
    | Scope.Scope
  >
) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const base = yield* files.makeTempDirectoryScoped({ prefix: "plantd-sockets-" })
    const config = ConfigProvider.fromMap(
      new Map([["XDG_RUNTIME_DIR", base], ["TMPDIR", join(base, "tmp")]])
    )
    return yield* Effect.withConfigProvider(body(base), config)
  }).pipe(
    Effect.provide([NodeContext.layer, ActorSystem.layer, ZmqTransport.layer])
  )

/** A node's control, in this process, until the scope closes. */
const nodeCalled = (node: string, endpoint?: string) =>
  Layer.build(
    Layer.fresh(ControlSocket.layer({ node, devices: [], endpoint })).pipe(
      Layer.provide(Layer.fresh(ActorSystem.layer))
    )
  )

const failure = <A, E extends { readonly message: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), ({ message }) => message)

describe("the directory of control sockets", () => {
  it.scopedLive("is made for this user alone, and taken again", () =>
    alone((base) =>
      Effect.gen(function*() {
        const place = join(base, "plantd")
        expect(yield* ControlSocket.directory).toBe(place)
        expect(statSync(place).mode & 0o777).toBe(0o700)
        expect(yield* ControlSocket.directory).toBe(place)
      })
    ))

  it.scopedLive("is refused where others can enter it, or it is something else", () =>
    alone((base) =>
      Effect.gen(function*() {
        const place = join(base, "plantd")
        mkdirSync(place)
        chmodSync(place, 0o755)
        const message = yield* failure(ControlSocket.directory)
        expect(message).toContain(`chmod 700 ${place}`)
        expect(yield* failure(Effect.scoped(nodeCalled("n-1")))).toBe(message)
        // Nor is anything in it believed.
        expect(yield* failure(ControlSocket.connect({}))).toContain("no running node was found")
      })
    ))

  it.scopedLive("is no symbolic link", () =>
    alone((base) =>
      Effect.gen(function*() {
        mkdirSync(join(base, "elsewhere"), { mode: 0o700 })
        symlinkSync(join(base, "elsewhere"), join(base, "plantd"))
        expect(yield* failure(ControlSocket.directory)).toContain("it is a symbolic link")
      })
    ))

  it.scopedLive("is no file", () =>
    alone((base) =>
      Effect.gen(function*() {
        writeFileSync(join(base, "plantd"), "")
        expect(yield* failure(ControlSocket.directory)).toContain("cannot hold control sockets")
      })
    ))

  it.scopedLive("is beside the temporary files where there is no session", () =>
    alone((base) =>
      Effect.gen(function*() {
        const config = new Map([["XDG_RUNTIME_DIR", join(base, "gone")], ["TMPDIR", base]])
        const place = yield* Effect.withConfigProvider(
          ControlSocket.directory,
          ConfigProvider.fromMap(config)
        )
        expect(place).toBe(join(base, `plantd-${statSync(base).uid}`))
      })
    ))
})

describe("an operator's program", () => {
  it.scopedLive("finds the only node that runs, whatever its name", () =>
    alone((base) =>
      Effect.gen(function*() {
        yield* nodeCalled("line 1/é")
        expect(readdirSync(join(base, "plantd"))).toHaveLength(1)
        const { client, id } = yield* ControlSocket.connect({})
        expect(id).toBe("line 1/é")
        expect(yield* client.Node()).toMatchObject({ node: "line 1/é", devices: 0 })
      })
    ))

  it.scopedLive("finds no node that has ended, and no file of it", () =>
    alone((base) =>
      Effect.gen(function*() {
        yield* Effect.scoped(nodeCalled("n-1"))
        expect(readdirSync(join(base, "plantd"))).toEqual([])
      })
    ))

  it.scopedLive("is told how to start a node where none runs", () =>
    alone((base) =>
      Effect.gen(function*() {
        const message = yield* failure(ControlSocket.connect({}))
        expect(message).toContain("no running node was found")
        expect(message).toContain(join(base, "plantd"))
        expect(message).toContain("npm start")
      })
    ))

  it.scopedLive("is asked which node it means where several run, and told which there are", () =>
    alone(() =>
      Effect.gen(function*() {
        yield* nodeCalled("left")
        yield* nodeCalled("right")
        const { pid } = process
        expect(yield* failure(ControlSocket.connect({}))).toBe(
          `several nodes run: left (pid ${pid}), right (pid ${pid}); choose one by --node and its`
            + " name or pid"
        )
        expect((yield* ControlSocket.connect({ node: "right" })).id).toBe("right")
        expect(yield* failure(ControlSocket.connect({ node: String(pid) }))).toContain("several")
        expect(yield* failure(ControlSocket.connect({ node: "middle" }))).toContain(
          'no running node is called "middle"; there is left'
        )
      })
    ))

  it.scopedLive("takes an endpoint as it is given", () =>
    alone(() =>
      Effect.gen(function*() {
        const endpoint = "tcp://127.0.0.1:45613"
        yield* nodeCalled("by-tcp", endpoint)
        expect(yield* failure(ControlSocket.connect({}))).toContain("no running node was found")
        expect((yield* ControlSocket.connect({ control: endpoint })).id).toBe("by-tcp")
        expect(yield* failure(ControlSocket.connect({ control: "tcp://127.0.0.1:59" }))).toContain(
          "nobody answered"
        )
      })
    ))

  it.scopedLive("removes what a dead process left, and leaves other files alone", () =>
    alone(() =>
      Effect.gen(function*() {
        const place = yield* ControlSocket.directory
        const names = ["notes.txt", "%zz.1.sock", `dead.${processEnded}.sock`]
        for (const name of names) writeFileSync(join(place, name), "")
        yield* nodeCalled("alive")
        expect((yield* ControlSocket.connect({})).id).toBe("alive")
        expect(readdirSync(place).toSorted()).toEqual([
          "%zz.1.sock",
          `alive.${process.pid}.sock`,
          "notes.txt"
        ])
      })
    ))

  it.scopedLive("is told of a node that runs and does not answer", () =>
    alone(() =>
      Effect.gen(function*() {
        const place = yield* ControlSocket.directory
        writeFileSync(join(place, `stuck.${process.pid}.sock`), "")
        expect(yield* failure(ControlSocket.connect({}))).toBe(
          `node stuck (pid ${process.pid}) runs, and does not answer`
        )
      })
    ))
})

it.scopedLive("the control of a node is never bound where other machines reach it", () =>
  alone(() =>
    Effect.gen(function*() {
      expect(yield* failure(Effect.scoped(nodeCalled("open", "tcp://0.0.0.0:45614")))).toContain(
        "can be reached from other machines"
      )
    })
  ))
