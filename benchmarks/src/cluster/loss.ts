/** What the loss of a node costs: the time until an actor of its answers from another one. */
import { Cluster } from "@plantd/cluster"
import { Context, Effect, Layer, Logger, LogLevel, Schedule, Scope } from "effect"
import { join } from "node:path"
import type { Contender } from "../Figure.ts"
import { folder } from "../folder.ts"
import { bareNode, Locator } from "./plantdNode.ts"
import { shards } from "./pair.ts"
import { freePort, type NodeProcess, startNode } from "./start.ts"

/** How the owner of an actor is lost: killed, standing still, or told to stop. */
export type Loss = "SIGKILL" | "SIGSTOP" | "SIGTERM"

/** The longest that the actor may be away. */
const answerWithin = "60 seconds"

/** How long an ask waits for an owner that may be gone. */
const askTimeout = "100 millis"

/** Between an answer of the node that is lost and the next ask. */
const pauseMillis = 5

const ids = Array.from({ length: 64 }, (_, index) => `locator-${index}`)

/** Two nodes, each in a process of its own, and a client in this one. */
const rig = Effect.gen(function*() {
  const filename = join(yield* folder, "cluster.db")
  const client = yield* Layer.build(bareNode({ filename, port: yield* freePort }, { weight: 0 }))
  const locatorOf = yield* Effect.provide(Locator.client, client)
  const cluster = Context.get(client, Cluster)
  const nodes: Array<NodeProcess> = []
  const isDivided = Effect.map(cluster.view, ({ holders, members }) => {
    const held = new Set(holders.values())
    const alive = nodes.map(({ port }) =>
      members.find(({ address }) => address === `127.0.0.1:${port}`)?.session
    )
    return holders.size === shards && held.size === nodes.length
      && alive.every((session) => session !== undefined && held.has(session))
  })
  const complete = Effect.gen(function*() {
    while (nodes.length < 2) nodes.push(yield* startNode("plantd", filename))
    yield* Effect.repeat(Effect.delay(isDivided, "50 millis"), { until: (yes) => yes })
  })
  return { complete, locatorOf, nodes }
})

type Rig = Effect.Effect.Success<typeof rig>

/** An actor that answers from a node. */
const actorOn = ({ locatorOf }: Rig, { pid }: NodeProcess) =>
  Effect.gen(function*() {
    for (const id of ids) if ((yield* locatorOf(id).Pid()) === pid) return locatorOf(id)
    return yield* Effect.dieMessage("the node has no actor")
  })

/** Loses the older of two nodes, and gives the milliseconds until its actor answers elsewhere. */
const lose = (given: Rig, loss: Loss) =>
  Effect.gen(function*() {
    yield* given.complete
    const victim = given.nodes.shift()
    if (victim === undefined) return yield* Effect.dieMessage("there is no node to lose")
    const actor = yield* actorOn(given, victim)
    // A node that is told to stop loses no ask; where it is lost, some fail or wait in vain.
    const ask = loss === "SIGTERM"
      ? actor.Pid()
      : Effect.orElseSucceed(actor.Pid(undefined, { timeout: askTimeout }), () => victim.pid)
    const begin = performance.now()
    yield* victim.signal(loss)
    yield* Effect.repeat(ask, {
      until: (pid) => pid !== victim.pid,
      schedule: Schedule.spaced(pauseMillis)
    }).pipe(Effect.timeout(answerWithin))
    const millis = performance.now() - begin
    if (loss === "SIGSTOP") yield* victim.signal("SIGKILL")
    yield* victim.ended
    return millis
  })

// Asks that nobody answers, and a cluster without nodes, are what is measured here.
const quiet = Logger.withMinimumLogLevel(LogLevel.None)

/** Milliseconds of one loss; a new node takes the place of the lost one before the next. */
export const losses = (loss: Loss): Contender =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const given = yield* rig
    return () => quiet(Effect.orDie(Scope.extend(lose(given, loss), scope)))
  }).pipe(Effect.orDie, quiet)
