import { SqliteClient } from "@effect/sql-sqlite-node"
import { SqlClient } from "@effect/sql/SqlClient"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { ids, makeCluster, type Node, untilAnswered, untilSo } from "./clusterHarness.ts"

const timeout = 120_000

type Rig = Effect.Effect.Success<typeof makeCluster>

/** Waits until all shards are held by these nodes, each some. */
const divided = ({ cluster }: Rig, nodes: ReadonlyArray<Node>) =>
  untilSo(
    "the shards are divided",
    Effect.map(cluster.view, ({ holders, members }) => {
      const sessions = nodes.map(({ address }) =>
        members.find((member) => member.address === address)?.session
      )
      return holders.size === 256
        && sessions.every((session) => [...holders.values()].includes(session ?? ""))
        && new Set(holders.values()).size === nodes.length
    })
  )

/** An id whose actor runs in a node. */
const idOn = ({ tally }: Rig, { running }: Node) =>
  Effect.gen(function*() {
    for (const id of ids) if ((yield* tally(id).Node()) === running.pid) return id
    return yield* Effect.dieMessage("the node has no actor")
  })

const three = Effect.gen(function*() {
  const rig = yield* makeCluster
  const nodes = yield* Effect.all([rig.start(), rig.start(), rig.start()], { concurrency: 3 })
  yield* divided(rig, nodes)
  return { ...rig, rig, nodes, victim: nodes[1] }
})

describe("three nodes on one file", () => {
  it.scopedLive(
    "answer for all actors; one that is killed is replaced within 5 s, with what it had stored",
    () =>
      Effect.gen(function*() {
        const { nodes, rig, tally, victim } = yield* three
        const id = yield* idOn(rig, victim)
        expect(yield* tally(id).Apply({ entry: "a" })).toBe(1)
        const held = yield* Effect.fork(Effect.exit(tally(id).Hold({ millis: 60_000 })))
        yield* Effect.sleep("100 millis")
        yield* victim.running.signal("SIGKILL")
        const { millis, value } = yield* untilAnswered(
          tally(id).Apply({ entry: "b" }, { timeout: "200 millis" })
        )
        expect(value).toBe(2)
        expect(millis).toBeLessThan(5_000)
        expect(yield* tally(id).Entries()).toEqual(["a", "b"])
        const end = yield* Fiber.join(held)
        expect(Exit.isFailure(end) && end.cause).toMatchObject({
          error: { _tag: "DeliveryUnknown" }
        })
        yield* divided(rig, nodes.filter((node) => node !== victim))
      }),
    timeout
  )

  it.scopedLive(
    "that are restarted one after the other fail no ask",
    () =>
      Effect.gen(function*() {
        const { nodes, rig, start, tally } = yield* three
        const failures: Array<unknown> = []
        let asked = 0
        const asking = yield* Effect.fork(
          Effect.forever(
            Effect.forEach(ids, (id) =>
              Effect.tapErrorCause(
                tally(id).Apply({ entry: `${asked++ % 50}` }),
                (cause) => Effect.sync(() => failures.push(cause))
              ), { concurrency: 8 })
          )
        )
        const running = [...nodes]
        for (const node of nodes) {
          const before = asked
          yield* node.running.signal("SIGTERM")
          expect(yield* node.running.ended).toBe(0)
          running[running.indexOf(node)] = yield* start(node.port)
          yield* divided(rig, running)
          expect(asked).toBeGreaterThan(before)
        }
        yield* Fiber.interrupt(asking)
        expect(failures).toEqual([])
      }),
    timeout
  )

  it.scopedLive(
    "one that stands still for longer than its lease runs none of its actors when it goes on",
    () =>
      Effect.gen(function*() {
        const { rig, tally, victim } = yield* three
        const id = yield* idOn(rig, victim)
        yield* tally(id).Apply({ entry: "a" })
        yield* victim.running.signal("SIGSTOP")
        const { millis } = yield* untilAnswered(
          tally(id).Apply({ entry: "b" }, { timeout: "200 millis" })
        )
        expect(millis).toBeLessThan(5_000)
        yield* victim.running.signal("SIGCONT")
        yield* untilSo(
          "its actors have ended",
          Effect.sync(() => victim.running.stdout().includes(`"Stopped","id":"${id}"`))
        )
        expect(yield* tally(id).Apply({ entry: "c" })).toBe(3)
        expect(yield* tally(id).Entries()).toEqual(["a", "b", "c"])
      }),
    timeout
  )

  it.scopedLive(
    "whose file is locked for 10 s stop their actors, and go on with all that was acknowledged",
    () =>
      Effect.gen(function*() {
        const { filename, rig, tally, victim } = yield* three
        const id = yield* idOn(rig, victim)
        yield* tally(id).Apply({ entry: "a" })
        const began = Date.now()
        yield* Effect.scoped(
          Effect.gen(function*() {
            const { reserve } = yield* SqlClient
            const connection = yield* reserve
            yield* connection.executeUnprepared("BEGIN IMMEDIATE", [], undefined)
            yield* untilSo(
              "its actors have ended",
              Effect.sync(() => victim.running.stdout().includes(`"Stopped","id":"${id}"`))
            )
            const unanswered = yield* Effect.flip(
              tally(id).Apply({ entry: "b" }, { timeout: "1 second" })
            )
            expect(unanswered).toMatchObject({ _tag: "AskTimeout", outcome: "not-handled" })
            yield* untilSo("10 s are over", Effect.sync(() => Date.now() - began > 10_000))
            yield* connection.executeUnprepared("COMMIT", [], undefined)
          }).pipe(Effect.provide(SqliteClient.layer({ filename })))
        )
        yield* untilAnswered(tally(id).Apply({ entry: "c" }, { timeout: "1 second" }))
        expect(yield* tally(id).Entries()).toEqual(["a", "c"])
      }),
    timeout
  )
})
