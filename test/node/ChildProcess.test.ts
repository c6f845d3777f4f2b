import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import { ChildProcess } from "@plantd/node"
import { Chunk, Effect, Exit, Scope, Stream } from "effect"
import { createServer } from "node:net"

/** A script given as text, run by the same program as these tests. */
const script = (text: string): ChildProcess.Script => ({ script: "-e", args: [text] })

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

it.scopedLive("a process tells its lines, of both outputs, and how it ended", () =>
  Effect.gen(function*() {
    const text = "console.log('one'); console.error('two'); process.exitCode = 3"
    const child = yield* ChildProcess.start(script(text))
    const lines = yield* Stream.runCollect(child.lines)
    expect(Chunk.toArray(lines).toSorted()).toEqual(["one", "two"])
    expect(yield* child.ended).toBe("exit code 3")
  }).pipe(Effect.provide(NodeContext.layer)))

it.scopedLive("a process has the variables that it is given, beside those of this one", () =>
  Effect.gen(function*() {
    const text = "console.log(process.env.TANK_NODE, process.env.PATH.length > 0)"
    const environment = { TANK_NODE: "node-2" }
    const child = yield* ChildProcess.start({ ...script(text), environment })
    expect(Chunk.toArray(yield* Stream.runCollect(child.lines))).toEqual(["node-2 true"])
  }).pipe(Effect.provide(NodeContext.layer)))

it.live("a process ends with the scope it was started in", () =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const started = ChildProcess.start(script("setInterval(() => {}, 1000)"))
    const child = yield* Effect.provideService(started, Scope.Scope, scope)
    expect(alive(child.pid)).toBe(true)
    yield* Scope.close(scope, Exit.void)
    expect(alive(child.pid)).toBe(false)
  }).pipe(Effect.provide(NodeContext.layer)))

it.scopedLive("a crashed process gets no time to say goodbye, and is gone after", () =>
  Effect.gen(function*() {
    const text = "process.on('SIGTERM', () => console.log('bye')); console.log('here');"
      + " setInterval(() => {}, 1000)"
    const child = yield* ChildProcess.start(script(text))
    expect(yield* Stream.runHead(child.lines)).toMatchObject({ value: "here" })
    yield* child.crash
    expect(alive(child.pid)).toBe(false)
    expect(yield* child.ended).toContain("SIGKILL")
  }).pipe(Effect.provide(NodeContext.layer)))

it.live("a free port can be bound", () =>
  Effect.gen(function*() {
    const port = yield* ChildProcess.freePort
    const bound = yield* Effect.async<number>((resume) => {
      const server = createServer()
      server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(port))))
    })
    expect(bound).toBeGreaterThan(0)
  }))
