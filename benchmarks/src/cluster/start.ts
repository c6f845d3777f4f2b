/** Starts nodes of a cluster as processes of their own. */
import { Effect, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"

/** Where a node is: the database file of its cluster, and its port on loopback. */
export interface Place {
  readonly filename: string
  readonly port: number
}

/** Whose node it is. */
export type Kind = "plantd" | "effect-cluster"

/** A node in a process of its own, which is killed when the scope closes. */
export interface NodeProcess {
  readonly pid: number
  readonly port: number
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  readonly ended: Effect.Effect<void>
}

const script = fileURLToPath(new URL("./process.ts", import.meta.url))

/** A port of the loopback interface that nobody has now. */
export const freePort: Effect.Effect<number> = Effect.promise(async () => {
  const server = createServer().listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  server.close()
  await once(server, "close")
  return typeof address === "object" && address !== null ? address.port : 0
})

const spawned = (kind: Kind, { filename, port }: Place) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(script, [kind, filename, `${port}`], {
        execArgv: ["--conditions=plantd-source", "--import", "tsx"],
        // Standard output is kept for figures.
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const untilUp = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    child.once("message", () => resume(Effect.void))
    child.once("exit", (code, signal) =>
      resume(Effect.dieMessage(`a node ended too soon (${code ?? signal})`)))
  })

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.suspend(() =>
    child.exitCode === null && child.signalCode === null
      ? Effect.async<void>((resume) => void child.once("exit", () => resume(Effect.void)))
      : Effect.void
  )

/** Starts a node of the cluster on a database file; it has joined then. */
export const startNode = (
  kind: Kind,
  filename: string
): Effect.Effect<NodeProcess, never, Scope.Scope> =>
  Effect.gen(function*() {
    const port = yield* freePort
    const child = yield* spawned(kind, { filename, port })
    yield* untilUp(child)
    return {
      pid: child.pid ?? 0,
      port,
      signal: (name) => Effect.sync(() => void child.kill(name)),
      ended: ended(child)
    }
  })
