/** Processes that this one starts and ends: none of them outlives it. */
import type { CommandExecutor, Error as PlatformError } from "@effect/platform"
import * as Command from "@effect/platform/Command"
import { Data, Effect, type Scope, Stream } from "effect"
import { createServer } from "node:net"

/** A running process. */
export interface ChildProcess {
  readonly pid: number
  /** Ends it with SIGKILL, as a crash would, and waits until it is gone. */
  readonly crash: Effect.Effect<void>
  /** Waits until it ends by itself, and tells how: `exit code 1`, or the signal. */
  readonly ended: Effect.Effect<string>
  /** What it writes to its two outputs, line by line. */
  readonly lines: Stream.Stream<string>
}

/** What to run: a script of Node's, with this process's own Node options. */
export interface Script {
  readonly script: string
  readonly args: ReadonlyArray<string>
  /** Variables of its environment, beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Starts a script in a process of its own group; when the scope closes it gets SIGTERM, and the
 * scope waits for its end.
 */
export const start = (
  { args, environment = {}, script }: Script
): Effect.Effect<
  ChildProcess,
  PlatformError.PlatformError,
  CommandExecutor.CommandExecutor | Scope.Scope
> =>
  Effect.gen(function*() {
    const command = Command.make(process.execPath, ...process.execArgv, script, ...args).pipe(
      Command.env(environment)
    )
    const child = yield* Command.start(command)
    return {
      pid: child.pid,
      // Its end is what is wanted; that a signal was the reason is no failure here.
      crash: Effect.ignore(child.kill("SIGKILL")),
      ended: Effect.match(child.exitCode, {
        onSuccess: (code) => `exit code ${code}`,
        onFailure: (error) => error.message
      }),
      lines: Stream.merge(linesOf(child.stdout), linesOf(child.stderr))
    }
  })

const linesOf = (
  bytes: Stream.Stream<Uint8Array, PlatformError.PlatformError>
): Stream.Stream<string> =>
  bytes.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    // The pipe breaks when the process dies; what it said until then is all there is.
    Stream.catchAll(() => Stream.empty)
  )

/** The system has no port to give. */
export class NoPort extends Data.TaggedError("NoPort")<{ readonly message: string }> {}

/**
 * A TCP port of the loopback interface that nobody listened on a moment ago. Whoever binds it must
 * still expect that it is taken.
 */
export const freePort: Effect.Effect<number, NoPort> = Effect.async((resume) => {
  const server = createServer()
  server.once("error", (error) => resume(Effect.fail(new NoPort({ message: error.message }))))
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})
