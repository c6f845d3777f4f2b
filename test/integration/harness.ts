/** Real processes for tests: start, stop, kill, freeze, and wait with a deadline. */
import { Clock, Duration, Effect, type Scope } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of the repository. */
export const root = fileURLToPath(new URL("../..", import.meta.url))

/** How long `waitUntil` waits when nothing is said; a condition that is met ends it at once. */
export const patience: Duration.DurationInput = "30 seconds"

/** A process under test. */
export interface Running {
  readonly pid: number
  /** What it has written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Sends a signal: SIGTERM or SIGINT to stop, SIGKILL to kill, SIGSTOP and SIGCONT to freeze. */
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** Waits for its end: the exit code, or the signal that ended it. */
  readonly ended: Effect.Effect<number | NodeJS.Signals>
  /** Reads no more of its standard output, as `head` does. */
  readonly stopReading: Effect.Effect<void>
}

/** Variables of the environment, beside those of this process. */
export type Environment = Readonly<Record<string, string>>

/** Runs a script of the repository from its sources; it is killed when the scope closes. */
export const startIn = (
  environment: Environment,
  script: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const node = ["--conditions=plantd-source", "--import", "tsx", join(root, script), ...args]
      return spawn(process.execPath, node, {
        cwd: root,
        env: { ...process.env, ...environment },
        stdio: ["ignore", "pipe", "pipe"]
      })
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map(runningOf))

/** Runs a command in the folder of the repository; it is killed when the scope closes. */
export const startCommand = (
  command: string,
  ...args: ReadonlyArray<string>
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] })),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  ).pipe(Effect.map(runningOf))

/** Runs a script of the repository in the environment of this process. */
export const start = (script: string, ...args: ReadonlyArray<string>) =>
  startIn({}, script, ...args)

/** The `plantd` command with these arguments. */
export const plantd = (...args: ReadonlyArray<string>) =>
  start("packages/node/src/main.ts", ...args)

/** Waits until `condition` gives something, asking again and again; dies when it takes too long. */
export const waitUntil = <A>(
  what: string,
  condition: () => A | undefined | false,
  within: Duration.DurationInput = patience
): Effect.Effect<A> =>
  Effect.gen(function*() {
    const until = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
    for (;;) {
      const met = condition()
      if (met !== undefined && met !== false) return met
      if ((yield* Clock.currentTimeMillis) > until) {
        return yield* Effect.dieMessage(`${what}: not within ${Duration.format(within)}`)
      }
      yield* Effect.sleep("20 millis")
    }
  })

/** Waits for the end of a process, and dies with what it said where its exit code is not 0. */
export const succeeded = ({ ended, stderr }: Running): Effect.Effect<void> =>
  Effect.flatMap(
    ended,
    (code) => code === 0 ? Effect.void : Effect.dieMessage(`exit code ${code}: ${stderr()}`)
  )

/** The ids of the processes that this one has started and that run still (Linux alone). */
export const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim()
    return ids === "" ? [] : ids.split(" ").map(Number)
  } catch {
    return []
  }
}

/** The command line of a process; empty where there is none with this id (Linux alone). */
export const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
  } catch {
    return ""
  }
}

/** True while a process with this id exists. */
export const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Occupies a port of the loopback interface until the scope closes, and gives its number. */
export const occupiedPort: Effect.Effect<number, never, Scope.Scope> = Effect.acquireRelease(
  Effect.async<ReturnType<typeof createServer>>((resume) => {
    const server = createServer()
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
  }),
  (server) => Effect.sync(() => server.close())
).pipe(
  Effect.map((server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })
)

const runningOf = (child: ChildProcess): Running => {
  let [stdout, stderr] = ["", ""]
  let end: number | NodeJS.Signals | undefined
  child.stdout?.on("data", (text) => (stdout += String(text)))
  child.stderr?.on("data", (text) => (stderr += String(text)))
  child.on("close", (code, signal) => (end = code ?? signal ?? -1))
  return {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => Effect.sync(() => void child.kill(name)),
    ended: waitUntil(`the end of process ${child.pid}`, () => end, "2 minutes"),
    stopReading: Effect.sync(() => void child.stdout?.destroy())
  }
}
