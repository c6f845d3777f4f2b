/** Starts the device process of the suite `hardware`, once for all who are measured with it. */
import { Effect, RcRef, Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Endpoints, Publish } from "./probe.ts"

/** A device process that runs. */
export interface DeviceProcess {
  readonly endpoints: Endpoints
  readonly publish: (asked: Publish) => Effect.Effect<void>
}

const script = fileURLToPath(new URL("./process.ts", import.meta.url))

const spawned = Effect.acquireRelease(
  Effect.sync(() =>
    fork(script, {
      execArgv: ["--conditions=plantd-source", "--import", "tsx"],
      // Standard output is kept for figures.
      stdio: ["ignore", "ignore", "inherit", "ipc"]
    })
  ),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const endpointsOf = (child: ChildProcess) =>
  Effect.async<Endpoints>((resume) => {
    child.once("message", (endpoints) => resume(Effect.succeed(endpoints as Endpoints)))
    child.once("exit", (code, signal) =>
      resume(Effect.dieMessage(`the device process ended too soon (${code ?? signal})`)))
  })

const start: Effect.Effect<DeviceProcess, never, Scope.Scope> = Effect.gen(function*() {
  const child = yield* spawned
  const endpoints = yield* endpointsOf(child)
  return {
    endpoints,
    publish: (asked) => Effect.sync(() => void child.send(asked))
  }
})

const shared = Effect.runSync(
  Effect.flatMap(Scope.make(), (scope) => Scope.extend(RcRef.make({ acquire: start }), scope))
)

/** The device process: started by the first who asks, ended when the last one lets go. */
export const deviceProcess: Effect.Effect<DeviceProcess, never, Scope.Scope> = RcRef.get(shared)
