import { describe, expect, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as harness from "./harness.ts"

const minutes = 60_000

/** How often the writer is killed. */
const kills = 8

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-durability-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** The lines that were written to their end, of one kind: the last number of each name. */
const numbers = (text: string, kind: "found" | "written"): ReadonlyMap<string, number> => {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
  return new Map(
    complete.filter((line) => line.startsWith(`${kind} `)).map((line) => {
      const [, name = "", number] = line.split(" ")
      return [name, Number(number)] as const
    })
  )
}

describe("durable state", () => {
  it.scopedLive(
    "what was acknowledged is there after kill -9 at any moment, and nothing is torn or doubled",
    () =>
      Effect.gen(function*() {
        const file = join(yield* folder, "state.db")
        const acknowledged = new Map<string, number>()
        for (let kill = 0; kill <= kills; kill++) {
          const writer = yield* harness.start("test/integration/durableWriter.ts", file)
          yield* harness.waitUntil("the writer to be ready", () => {
            if (writer.stderr() !== "") throw new Error(writer.stderr())
            return writer.stdout().includes("\nready\n")
          })
          expect(writer.stdout()).toContain('integrity [{"integrity_check":"ok"}]\n')
          const found = numbers(writer.stdout(), "found")
          expect(found.size).toBe(12)
          for (const [name, number] of found) {
            // One write of each actor was under way: it may be there, unacknowledged.
            const last = acknowledged.get(name) ?? 0
            expect([last, last + 1], `${name} after kill ${kill}`).toContain(number)
            acknowledged.set(name, number)
          }
          if (kill === kills) break
          const enough = writer.stdout().length + (yield* Random.nextIntBetween(1, 20_000))
          yield* harness.waitUntil("some writes", () => writer.stdout().length > enough)
          yield* writer.signal("SIGKILL")
          expect(yield* writer.ended).toBe("SIGKILL")
          for (const [name, number] of numbers(writer.stdout(), "written")) {
            acknowledged.set(name, number)
          }
        }
        expect(Math.min(...acknowledged.values())).toBeGreaterThan(0)
      }),
    2 * minutes
  )
})
