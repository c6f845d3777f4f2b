import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "./harness.ts"
import { folder } from "./plant.ts"

it.scopedLive("two nodes that make the same new database at the same moment both open it", () =>
  Effect.gen(function*() {
    const directory = yield* folder
    const begin = `${Date.now() + 4_000}`
    const open = harness.start("test/integration/openFiles.ts", directory, "40", begin)
    const processes = yield* Effect.all([open, open], { concurrency: 2 })
    for (const { ended, stdout } of processes) {
      expect(yield* ended).toBe(0)
      expect(stdout()).toBe("done\n")
    }
  }))
