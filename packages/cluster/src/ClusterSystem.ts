/**
 * The actor system of many nodes. The same actors, clients and guarantees as on one: which node an
 * actor lives on follows from its id, whose shard is leased to one node at a time, as the cluster
 * engine divides them. Messages for an actor here go straight to its mailbox; others go in batches
 * to the node that holds the lease.
 *
 * ```ts
 * const node = Layer.mergeAll(CounterLive, OtherLive).pipe(
 *   Layer.provideMerge(ClusterSystem.layer({ port: 7701 })),
 *   Layer.provide(SqliteClient.layer({ filename: "cluster.db" }))
 * )
 * ```
 */
import type { SqlClient } from "@effect/sql/SqlClient"
import { ActorSystem, type ActorSystemSettings } from "@plantd/actors"
import { Context, Effect, Layer } from "effect"
import { Cluster } from "./Cluster.ts"
import { defaults, type Settings } from "./ClusterSettings.ts"
import { makeNode } from "./internal/clusterNode.ts"
import type { LeaseStore, RefusedError } from "./LeaseStore.ts"
import type { CannotListen, PeerTransport } from "./PeerTransport.ts"
import * as SocketTransport from "./SocketTransport.ts"
import * as SqlLeaseStore from "./SqlLeaseStore.ts"

/** What keeps a node from joining. */
export type JoinError = RefusedError | CannotListen | SqlLeaseStore.OpenError

/** The settings of a node, and of its actor system. */
export type NodeSettings = Partial<Settings> & {
  readonly actors?: Partial<ActorSystemSettings>
}

/** A node on a store of leases and a transport of any kind. */
export const layerOn = (
  { actors = {}, ...settings }: NodeSettings = {}
): Layer.Layer<ActorSystem | Cluster, JoinError, LeaseStore | PeerTransport> =>
  Layer.scopedContext(
    Effect.map(makeNode({ ...defaults, ...settings }, actors), ({ cluster, system }) =>
      Context.make(ActorSystem, system).pipe(Context.add(Cluster, cluster)))
  )

/** A node on the database of the `SqlClient`, and on TCP. */
export const layer = (
  settings: NodeSettings = {}
): Layer.Layer<ActorSystem | Cluster, JoinError, SqlClient> =>
  layerOn(settings).pipe(
    Layer.provide(SocketTransport.layer),
    Layer.provide(SqlLeaseStore.layer)
  )
