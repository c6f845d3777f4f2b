/** The suite `cluster`: what two nodes do, and how long it takes when one of them is lost. */
import { Cluster } from "@plantd/cluster"
import { Context, Effect, Layer, Logger, LogLevel, type Scope } from "effect"
import { join } from "node:path"
import { losses } from "../cluster/loss.ts"
import { type Node, outstanding, type Pair, paired, shards } from "../cluster/pair.ts"
import * as plantdNode from "../cluster/plantdNode.ts"
import { freePort, type Kind, type Place, startNode } from "../cluster/start.ts"
import type { Contender, Figure, Measure, Suite } from "../Figure.ts"
import { folder } from "../folder.ts"
import { type Founder, idleBytes } from "../peers/colony.ts"
import { asks, tells, together } from "../peers/counter.ts"
import * as effectCluster from "../peers/effectCluster.ts"

/** Asks between two looks at the clock, `outstanding` of them at a time. */
const asksAtOnce = outstanding * 50

/** As many, durably: each is written twice. */
const savesAtOnce = outstanding * 4

/** The peer waits for an answer to each tell: so many are enough for one measurement. */
const peerTells = outstanding * 10

const builders: Readonly<
  Record<Kind, (place: Place) => Effect.Effect<Node, unknown, Scope.Scope>>
> = { plantd: plantdNode.build, "effect-cluster": effectCluster.build }

/** Two nodes on a database of their own: one here, one in a second process. */
const pair = (kind: Kind): Effect.Effect<Pair, never, Scope.Scope> =>
  Effect.gen(function*() {
    const filename = join(yield* folder, "cluster.db")
    const node = yield* builders[kind]({ filename, port: yield* freePort })
    yield* startNode(kind, filename)
    return yield* paired(node)
  }).pipe(Effect.orDie, Logger.withMinimumLogLevel(LogLevel.None))

const measured = (kind: Kind, measureOf: (pair: Pair) => Measure): Contender =>
  Effect.map(pair(kind), measureOf)

const besides = (measureOf: (pair: Pair) => Measure) => ({
  subject: measured("plantd", measureOf),
  peers: { "effect-cluster": measured("effect-cluster", measureOf) }
})

/** Of the node with the idle actors: it stands still while its garbage is collected. */
const lease = "1 minute"

/** Counters on the only node of a cluster, once it holds all shards. */
const colony: Founder = (onAdd) =>
  Effect.gen(function*() {
    const place = { filename: join(yield* folder, "cluster.db"), port: yield* freePort }
    const context = yield* Layer.build(plantdNode.counterNode(place, onAdd, { lease }))
    const clientOf = yield* Effect.provide(plantdNode.Counter.client, context)
    const { view } = Context.get(context, Cluster)
    const holders = Effect.delay(Effect.map(view, ({ holders }) => holders.size), "50 millis")
    yield* Effect.repeat(holders, { until: (count) => count === shards })
    return {
      wake: (id: string) => clientOf(id).Add({ by: 1 }, { discard: true }),
      ready: clientOf("ready").Total()
    }
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))

const lost = (name: string, subject: Contender): Figure => ({
  name,
  unit: "ms",
  better: "lower",
  events: true,
  subject,
  peers: {}
})

/** Asks and tells to this node and to another one, the loss of nodes, idle actors on a node. */
export const suite: Suite = {
  name: "cluster",
  figures: [
    {
      name: "ask-local",
      unit: "asks/s",
      better: "higher",
      ...besides(({ here }) => asks(here))
    },
    {
      name: "ask-remote",
      unit: "asks/s",
      better: "higher",
      ...besides(({ there }) => asks(together(there), asksAtOnce))
    },
    {
      name: "tell-remote",
      unit: "tells/s",
      better: "higher",
      subject: measured("plantd", ({ there: [there] }) => tells(there)),
      peers: {
        "effect-cluster": measured(
          "effect-cluster",
          ({ there: [there] }) => tells(there, peerTells)
        ),
        "effect-cluster-64": measured(
          "effect-cluster",
          ({ there }) => tells(together(there), peerTells)
        )
      }
    },
    {
      name: "ask-durable",
      unit: "asks/s",
      better: "higher",
      ...besides(({ saved }) => asks(together(saved), savesAtOnce))
    },
    lost("failover-kill", losses("SIGKILL")),
    lost("failover-silence", losses("SIGSTOP")),
    lost("handoff", losses("SIGTERM")),
    {
      name: "idle-memory",
      unit: "bytes/actor",
      better: "lower",
      roundsMax: 5,
      subject: Effect.succeed(idleBytes(colony, 500)),
      peers: {}
    }
  ]
}
