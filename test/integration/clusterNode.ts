/**
 * A node of a cluster that runs tallies, on a database: `node clusterNode.ts STORAGE PORT LISTEN`,
 * where the storage is a file or `postgres://…`, and LISTEN is the port that it listens on where
 * that is another one. It says when it is up, and which of its actors started and ended. With
 * VALVE="COMMANDS TELEMETRY" it controls the valve that is served there, too; with TALLY=none it
 * knows no tallies, with TALLY=next those of a later release.
 */
import "./skew.ts"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ActorSystem } from "@plantd/actors"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Link, ZmqTransport } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer, Logger, Stream } from "effect"
import { clientOf } from "./storage.ts"
import { NextTallyLive, TallyLive } from "./tally.ts"
import { Valve } from "./valve.ts"

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

const [commands, telemetry] = (process.env["VALVE"] ?? "").split(" ")
const valve = commands === undefined || telemetry === undefined
  ? Layer.empty
  : Valve.toLayer({
    node: `node-${port}`,
    link: ({ config }) =>
      Link.zmq({ ...config, timing: { retry: { min: 50, max: 200, factor: 2, jitter: 0 } } }),
    config: () => ({ commands, telemetry })
  }).pipe(Layer.provide([SqlDeviceStore.layer, ZmqTransport.layer]))

const releases: Readonly<Record<string, typeof TallyLive>> = {
  none: Layer.empty,
  next: NextTallyLive
}
const tallies = releases[process.env["TALLY"] ?? ""] ?? TallyLive

const node = Layer.mergeAll(tallies, valve, tell).pipe(
  Layer.provide(ClusterSystem.layer({ port: Number(port), listenPort: Number(listen) })),
  Layer.provide(SqlDurableStore.layer),
  Layer.provide(clientOf(storage)),
  Layer.provide(
    Logger.replace(Logger.defaultLogger, Logger.jsonLogger.pipe(Logger.withConsoleError))
  )
)

NodeRuntime.runMain(Layer.launch(node), { disablePrettyLogger: true })
