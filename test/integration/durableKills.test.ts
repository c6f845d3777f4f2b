import { NodeContext } from "@effect/platform-node"
import { FileSystem } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { Cluster } from "@plantd/cluster"
import { Console, Context, Effect, Fiber, Layer, Logger, Random, Ref, Schedule } from "effect"
import { untilAnswered, untilSo } from "./clusterHarness.ts"
import * as harness from "./harness.ts"
import { Ledger } from "./ledger.ts"
import { ledgerSystem } from "./ledgerSystem.ts"
import { freePort } from "./ports.ts"

const kills = 20
const perSecond = 200
const ids = Array.from({ length: 24 }, (_, index) => `l-${index}`)

const makeRig = Effect.gen(function*() {
  const files = yield* FileSystem.FileSystem
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "plantd-kills-" })
  const filename = `${directory}/cluster.db`
  const start = (port: number) =>
    Effect.gen(function*() {
      const running = yield* harness.start("test/integration/ledgerNode.ts", filename, `${port}`)
      const up = harness.waitUntil(`node ${port} is up`, () => running.stdout().includes('"up"'))
      return { port, running, up }
    })
  const context = yield* Layer.build(
    ledgerSystem({ filename, port: yield* freePort, weight: 0 }).pipe(
      Layer.provide(Logger.replace(Logger.defaultLogger, Logger.none))
    )
  )
  const ledger = yield* Effect.provide(Ledger.client, context)
  return { start, ledger, cluster: Context.get(context, Cluster) }
}).pipe(Effect.provide(NodeContext.layer))

const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN

describe("durable messages under kill -9", () => {
  it.scopedLive(
    `${kills} kills of a random node under ${perSecond} a second: each that was acknowledged is`
      + " applied once, and all are answered",
    () =>
      Effect.gen(function*() {
        const { cluster, ledger, start } = yield* makeRig
        const ports = yield* Effect.all([freePort, freePort, freePort])
        const nodes = yield* Effect.forEach(ports, start, { concurrency: 3 })
        yield* Effect.forEach(nodes, ({ up }) => up)
        const share = (port: number) =>
          Effect.map(cluster.view, ({ holders, members }) => {
            const address = `127.0.0.1:${port}`
            const session = members.find((member) => member.address === address)?.session
            return holders.size === 256 && [...holders.values()].includes(session ?? "")
          })
        for (const port of ports) yield* untilSo("each has its share", share(port))

        const acknowledged = new Map<string, string>()
        const unanswered: Array<string> = []
        const number = yield* Ref.make(0)
        const post = Effect.gen(function*() {
          const n = yield* Ref.getAndUpdate(number, (n) => n + 1)
          const id = ids[n % ids.length] ?? ""
          const entry = `e-${n}`
          const sent = ledger(id).Post({ entry }, { timeout: "1 minute" })
          yield* Effect.matchEffect(sent, {
            onSuccess: () => Effect.sync(() => void acknowledged.set(entry, id)),
            onFailure: (error) => Effect.sync(() => void unanswered.push(error.message))
          })
        })
        const posting = yield* Effect.fork(
          Effect.repeat(Effect.forkScoped(post), Schedule.fixed(1_000 / perSecond))
        )

        const times: Array<number> = []
        for (let kill = 0; kill < kills; kill++) {
          const index = yield* Random.nextIntBetween(0, nodes.length)
          const victim = nodes[index]
          if (victim === undefined) continue
          yield* victim.running.signal("SIGKILL")
          yield* victim.running.ended
          const answered = yield* Effect.forEach(
            ids,
            (id) => untilAnswered(ledger(id).Entries(undefined, { timeout: "1 second" })),
            { concurrency: "unbounded" }
          )
          times.push(Math.max(...answered.map(({ millis }) => millis)))
          nodes[index] = yield* start(victim.port)
          yield* nodes[index].up
          yield* untilSo("it has its share", share(victim.port))
        }
        yield* Fiber.interrupt(posting)
        const sent = yield* Ref.get(number)
        yield* untilSo(
          "all are answered",
          Effect.sync(() => acknowledged.size + unanswered.length === sent)
        )

        const posted = yield* Effect.forEach(ids, (id) => ledger(id).Entries())
        const applied = posted.flatMap(({ posted }) => posted)
        const missing = [...acknowledged.keys()].filter((entry) => !applied.includes(entry))
        times.sort((a, b) => a - b)
        yield* Console.log(
          `${sent} sent; first answer after a kill: p50 ${quantile(times, 0.5)} ms,`
            + ` p99 ${quantile(times, 0.99)} ms of ${times.join(" ")}`
        )
        expect(missing).toEqual([])
        expect(new Set(applied).size).toBe(applied.length)
        expect(unanswered).toEqual([])
        expect(sent).toBeGreaterThan(kills * perSecond)
      }),
    600_000
  )
})
