/** Where suites keep their databases. */
import { Effect, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A folder for temporary files (`TMPDIR`), which is gone with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-benchmark-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)
