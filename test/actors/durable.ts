/** What the tests of durable state share: a counter that is stored, and stores on SQLite. */
import { Rpc } from "@effect/rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import { Actor, ActorContext, ActorSystem } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import { DurableStore, type DurableStoreService, type Entity } from "@plantd/actors/DurableStore"
import { EventLoop } from "@plantd/actors/EventLoop"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Fence } from "@plantd/core"
import { Context, Deferred, Effect, Layer, Schema, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A counter whose count is stored. */
export const Counter = Actor.make("Counter", [
  Rpc.make("Add", { payload: { by: Schema.Int }, success: Schema.Int, error: Schema.Unknown }),
  Rpc.make("Total", { success: Schema.Int })
])

/** Its behaviour. */
export const CounterLive = Counter.toLayer(
  Effect.gen(function*() {
    const count = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
    return {
      Add: ({ by }) => count.update((n) => n + by),
      Total: () => count.get
    }
  })
)

/** A path for a database in a folder of its own, which is removed with the scope. */
export const databaseFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-"))),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => join(folder, "state.db")
)

/** A store on a file, and the client that it writes with. */
export const onFile = (
  filename: string,
  settings: Partial<SqlDurableStore.Settings> = {}
) =>
  SqlDurableStore.layerWith(settings).pipe(
    Layer.provideMerge(SqliteClient.layer({ filename })),
    Layer.orDie
  )

/** A store in a database in memory, and the client that it writes with. */
export const inMemory = onFile(":memory:")

/** Lets fibers run until they wait for time or for something else. */
export const settled = Effect.flatMap(
  EventLoop,
  (loop) => Effect.async<void>((resume) => loop.afterTurn(() => resume(Effect.void)))
).pipe(
  Effect.repeatN(10)
)

const Holder = Actor.make("Holder", [Rpc.make("Stop")])

/**
 * Opens something as the actor `Holder/one` of a system of its own, which is alive until the scope
 * closes. Each call is another owner.
 */
export const opened = <A, E>(
  open: Effect.Effect<A, E, ActorContext | DurableStore | Scope.Scope>
) =>
  Effect.gen(function*() {
    const store = yield* DurableStore
    const exit = yield* Deferred.make<A, E>()
    const HolderLive = Holder.toLayer(
      Effect.gen(function*() {
        const { stopSelf } = yield* ActorContext
        yield* Effect.intoDeferred(open, exit)
        return { Stop: () => stopSelf }
      })
    )
    const services = yield* Layer.build(
      HolderLive.pipe(
        Layer.provideMerge(ActorSystem.layer),
        Layer.provide(Layer.succeed(DurableStore, store))
      )
    )
    const system = Context.get(services, ActorSystem)
    yield* Effect.forkScoped(system.start({ type: "Holder", id: "one" }))
    return { handle: yield* Deferred.await(exit), system }
  })

/** The address of what `opened` opens. */
export const holder = { type: "Holder", id: "one" } as const

/** The statements that were run on connections of a client, and how a test has them fail. */
export interface Tap {
  readonly texts: Array<string>
  /** Answers in place of the database, where it gives something. */
  intercept: (
    text: string,
    run: Effect.Effect<ReadonlyArray<unknown>, SqlError>
  ) => Effect.Effect<ReadonlyArray<unknown>, SqlError> | undefined
}

/** An error as the driver of SQLite gives it. */
export const sqlError = (code: string): SqlError =>
  new SqlError({ cause: Object.assign(new Error("made by the test"), { code }) })

/** A client of a SQLite file, and the tap between it and who uses it. */
export const tappedClient = (filename: string) =>
  Effect.gen(function*() {
    const tap: Tap = { texts: [], intercept: () => undefined }
    const services = yield* Layer.build(Layer.orDie(SqliteClient.layer({ filename })))
    const sql = Context.get(services, SqlClient)
    const through = (text: string, run: Effect.Effect<ReadonlyArray<unknown>, SqlError>) => {
      tap.texts.push(text)
      return tap.intercept(text, run) ?? run
    }
    const reserve = Effect.map(sql.reserve, (connection): Connection => ({
      ...connection,
      execute: (text, parameters, transform) =>
        through(text, connection.execute(text, parameters, transform)),
      executeUnprepared: (text, parameters, transform) =>
        // The driver compiles it before there is an effect, which is all that it takes for some.
        through(
          text,
          Effect.suspend(() => connection.executeUnprepared(text, parameters, transform))
        )
    }))
    const client = new Proxy(sql, {
      get: (target, property) =>
        property === "reserve" ? reserve : Reflect.get(target, property) as unknown
    })
    return { client, sql, tap }
  })

/** A store with a tap between it and its database. */
export const tapped = (
  filename: string,
  settings: Partial<SqlDurableStore.Settings> = {}
) =>
  Effect.gen(function*() {
    const { client, sql, tap } = yield* tappedClient(filename)
    const store = yield* SqlDurableStore.make(settings).pipe(
      Effect.provideService(SqlClient, client)
    )
    tap.texts.length = 0
    return { sql, store, tap }
  })

/** The state of one valve. */
export const entity = (id: string): Entity => ({ address: { type: "Valve", id }, name: "state" })

/** Claims it for this process. */
export const claim = (store: DurableStoreService, id: string) =>
  store.claim({ entity: entity(id), kind: "state", fence: undefined })

/** Claims many, side by side. */
export const claimAll = (store: DurableStoreService, ids: ReadonlyArray<string>) =>
  Effect.forEach(ids, (id) => claim(store, id), { concurrency: "unbounded" })

/** Writes it, by default as its first owner and for the first time. */
export const set = (
  store: DurableStoreService,
  id: string,
  { expected = 0, fence = 1, value = "1" } = {}
) =>
  store.write({
    entity: entity(id),
    fence: Fence.Fence.make(fence),
    expected,
    value,
    events: []
  })
