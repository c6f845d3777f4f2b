import { describe, expect, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { databaseFile } from "../actors/durable.ts"
import * as harness from "./harness.ts"

/** How often the writer is killed. */
const kills = 4

/** How far the writes of each command have come, by what was acknowledged. */
const stages = ["intended", "sent", "settled"]

/** The words of the lines that were written to their end and begin with one of these. */
const lines = (text: string, ...kinds: ReadonlyArray<string>) =>
  text.slice(0, text.lastIndexOf("\n") + 1).split("\n")
    .map((line) => line.split(" "))
    .filter(([kind = ""]) => kinds.includes(kind))

/** How far each command that was found has come. */
const foundIn = (text: string) =>
  new Map(
    lines(text, "found").map(([, command = "", state, sent]) => [
      command,
      state === "succeeded" ? "settled" : sent ?? "intended"
    ])
  )

describe("the journal of devices", () => {
  it.scopedLive(
    "has every write that was acknowledged after kill -9 at any moment, in the order it was made",
    () =>
      Effect.gen(function*() {
        const file = yield* databaseFile
        const acknowledged = new Map<string, string>()
        for (let kill = 0; kill <= kills; kill++) {
          const writer = yield* harness.start("test/integration/deviceWriter.ts", file)
          yield* harness.waitUntil("the writer to be ready", () => {
            if (writer.stderr() !== "") throw new Error(writer.stderr())
            return writer.stdout().includes("\nready\n")
          })
          const found = foundIn(writer.stdout())
          for (const [command, stage] of acknowledged) {
            const at = stages.indexOf(found.get(command) ?? "")
            // Of one write that was under way it may be that nobody was told.
            if (at < stages.indexOf(stage)) {
              throw new Error(`${command} was ${stage}, and after kill ${kill} it is not`)
            }
          }
          for (const [, device, fence, unsettled] of lines(writer.stdout(), "claimed")) {
            expect([device, fence]).toEqual([device, `${kill + 1}`])
            // Each process leaves at most the one that it was killed in.
            expect(Number(unsettled)).toBeLessThanOrEqual(kill)
          }
          if (kill === kills) break
          const enough = writer.stdout().length + (yield* Random.nextIntBetween(1, 4_000))
          yield* harness.waitUntil("some writes", () => writer.stdout().length > enough)
          yield* writer.signal("SIGKILL")
          expect(yield* writer.ended).toBe("SIGKILL")
          for (const [command, stage] of found) acknowledged.set(command, stage)
          for (const [stage = "", command = ""] of lines(writer.stdout(), ...stages)) {
            acknowledged.set(command, stage)
          }
        }
        expect(acknowledged.size).toBeGreaterThan(kills)
      }),
    120_000
  )
})
