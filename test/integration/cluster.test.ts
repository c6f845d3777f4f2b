import { SqlClient } from "@effect/sql/SqlClient"
import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { clusterContract } from "./clusterContract.ts"
import { file, idOn, three, untilAnswered, untilSo, untilStopped } from "./clusterHarness.ts"
import { clientOf } from "./storage.ts"

clusterContract({ name: "one file", storage: file, failoverMillis: 5_000 })

it.scopedLive(
  "nodes whose file is locked for 10 s stop their actors, and go on with all that was acknowledged",
  () =>
    Effect.gen(function*() {
      const { rig, storage, tally, victim } = yield* Effect.flatMap(file, three)
      const id = yield* idOn(rig, victim)
      yield* tally(id).Apply({ entry: "a" })
      const began = Date.now()
      yield* Effect.scoped(
        Effect.gen(function*() {
          const { reserve } = yield* SqlClient
          const connection = yield* reserve
          yield* connection.executeUnprepared("BEGIN IMMEDIATE", [], undefined)
          yield* untilStopped(victim, id)
          const unanswered = yield* Effect.flip(
            tally(id).Apply({ entry: "b" }, { timeout: "1 second" })
          )
          expect(unanswered).toMatchObject({ _tag: "AskTimeout", outcome: "not-handled" })
          yield* untilSo("10 s are over", Effect.sync(() => Date.now() - began > 10_000))
          yield* connection.executeUnprepared("COMMIT", [], undefined)
        }).pipe(Effect.provide(clientOf(storage)))
      )
      yield* untilAnswered(tally(id).Apply({ entry: "c" }, { timeout: "1 second" }))
      expect(yield* tally(id).Entries()).toEqual(["a", "c"])
    }),
  120_000
)
