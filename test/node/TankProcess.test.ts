import * as NodeContext from "@effect/platform-node/NodeContext"
import { expect, it } from "@effect/vitest"
import { ChildProcess, TankProcess } from "@plantd/node"
import { Effect } from "effect"
import { createServer } from "node:net"
import { tmpdir } from "node:os"

const watched = (commands: string) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const tank = yield* TankProcess.make({
      device: "tank-test",
      directory: tmpdir(),
      commands,
      telemetry: `tcp://127.0.0.1:${yield* ChildProcess.freePort}`,
      onLine: (line) => Effect.sync(() => void lines.push(line))
    })
    const said = (text: string) =>
      Effect.sleep("20 millis").pipe(
        Effect.repeat({ until: () => lines.some((line) => line.includes(text)) }),
        Effect.timeout("30 seconds")
      )
    return { lines, said, tank }
  })

it.scopedLive(
  "a process that ends by itself is started again, and what it said is told",
  () =>
    Effect.gen(function*() {
      const port = yield* ChildProcess.freePort
      const occupied = yield* Effect.acquireRelease(
        Effect.async<ReturnType<typeof createServer>>((resume) => {
          const server = createServer()
          server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const { said, tank } = yield* watched(`tcp://127.0.0.1:${port}`)
      yield* tank.start
      yield* said(`bind tcp://127.0.0.1:${port}`)
      yield* said("ended by itself (exit code 1)")
      yield* Effect.sync(() => occupied.close())
      yield* said(`commands on tcp://127.0.0.1:${port}`)
    }).pipe(Effect.provide(NodeContext.layer)),
  60_000
)

it.scopedLive(
  "a process that was killed stays dead until it is started",
  () =>
    Effect.gen(function*() {
      const port = yield* ChildProcess.freePort
      const { lines, said, tank } = yield* watched(`tcp://127.0.0.1:${port}`)
      yield* tank.kill
      yield* tank.start
      yield* tank.start
      yield* said("commands on")
      yield* tank.kill
      expect(lines.join()).not.toContain("ended by itself")
      lines.length = 0
      yield* tank.start
      yield* said("commands on")
    }).pipe(Effect.provide(NodeContext.layer)),
  60_000
)
