/** What the tests of durable state share: a counter that is stored, and stores on SQLite. */
import { Rpc } from "@effect/rpc"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Actor } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Effect, Layer, Schema, type Scope } from "effect"
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
