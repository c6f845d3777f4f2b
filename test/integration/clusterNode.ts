/**
 * A node of a cluster that runs tallies, on a database: `node clusterNode.ts STORAGE PORT LISTEN`,
 * where the storage is a file or `postgres://…`. It says when it is up, and which of its actors started
 * and ended.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ActorSystem } from "@plantd/actors"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Effect, Layer, Logger, Stream } from "effect"
import { clientOf } from "./storage.ts"
import { TallyLive } from "./tally.ts"

const [, , storage = "", port = "", listen = port] = process.argv

const say = (line: object) =>
  Effect.sync(() => void process.stdout.write(`${JSON.stringify(line)}\n`))

const tell = Layer.scopedDiscard(
  Effect.gen(function*() {
    const { self } = yield* Cluster
    const { events } = yield* ActorSystem
    yield* Effect.forkScoped(
      Stream.runForEach(events, (event) =>
        event._tag === "Started" || event._tag === "Stopped"
          ? say({ event: event._tag, id: event.address.id, at: Date.now() })
          : Effect.void)
    )
    yield* say({ up: self.address, session: self.session })
  })
)

const node = Layer.mergeAll(TallyLive, tell).pipe(
  Layer.provide(ClusterSystem.layer({ port: Number(port), listenPort: Number(listen) })),
  Layer.provide(SqlDurableStore.layer),
  Layer.provide(clientOf(storage)),
  Layer.provide(
    Logger.replace(Logger.defaultLogger, Logger.jsonLogger.pipe(Logger.withConsoleError))
  )
)

NodeRuntime.runMain(Layer.launch(node), { disablePrettyLogger: true })
