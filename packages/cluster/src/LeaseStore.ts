/**
 * The port to what the nodes of a cluster share: who is a member, and which node holds the lease of
 * which shard. Times are those of the store alone, so that the clocks of nodes need not agree. An
 * expired lease is lost, also where nobody has taken it. `SqlLeaseStore` is it on SQLite and
 * PostgreSQL. As in Gray and Cheriton, Leases (SOSP 1989).
 */
import type { DurableError } from "@plantd/actors"
import { Context, type Effect, Layer, type Redacted } from "effect"
import type {
  AddressInUse,
  LeaseLost,
  Protocols,
  ProtocolsDiffer,
  ShardsDiffer
} from "./ClusterError.ts"
import { memoryLeases } from "./internal/memoryLeases.ts"

/** One run of a node. */
export interface Session {
  /** `host:port` by which other nodes reach it. */
  readonly address: string
  /** Chosen anew at each start: a successor under the same address is another session. */
  readonly session: string
}

/** A node that joins. */
export interface Joining extends Session {
  readonly protocols: Protocols
  /** How many shards it is to have, relative to other nodes. */
  readonly weight: number
  /** How many shards the cluster has. */
  readonly shards: number
}

/** A node, as the store knows it. */
export interface Member extends Session {
  readonly protocols: Protocols
  readonly weight: number
  /** In ms since 1970-01-01 UTC, by the clock of the store. */
  readonly startedAt: number
  /** How long its lease lasts still, in milliseconds; below 0 where it has run out. */
  readonly leaseLeft: number
  /** It gives its shards away, and takes no more. */
  readonly draining: boolean
}

/** Who is a member, and who holds which shard, by its session; expired leases are left out. */
export interface View {
  readonly members: ReadonlyArray<Member>
  readonly holders: ReadonlyMap<string, string>
}

/** Whose leases, and for how long from now on. */
export interface Holding {
  readonly session: string
  readonly ttlMillis: number
}

/** What is granted by one request. */
export interface Granting extends Holding {
  /** Grows from one request of a session to the next. */
  readonly grant: number
}

/** What keeps a node from becoming a member. */
export type RefusedError = AddressInUse | ProtocolsDiffer | ShardsDiffer

/** A store of leases. */
export interface LeaseStoreService {
  /** Makes a node a member; who has its address must have let its lease run out. */
  readonly join: (
    node: Joining,
    options: { readonly ttlMillis: number }
  ) => Effect.Effect<void, RefusedError | DurableError.StoreUnavailable>
  /** Prolongs the lease of a node and all of its shards that have not expired; gives these. */
  readonly renew: (
    holding: Holding
  ) => Effect.Effect<ReadonlyArray<string>, LeaseLost | DurableError.StoreUnavailable>
  /** Takes those shards whose lease nobody holds; gives those that the node holds of them now. */
  readonly acquire: (
    granting: Granting,
    shards: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<string>, DurableError.StoreUnavailable>
  /**
   * Gives up shards that were granted by a request or an earlier one; all such where none are
   * named. Where it is late, as one may be that was given up as unknown, it leaves alone what its
   * session has acquired since.
   */
  readonly release: (
    granted: Pick<Granting, "session" | "grant">,
    shards?: ReadonlyArray<string>
  ) => Effect.Effect<void, DurableError.StoreUnavailable>
  /** Marks a node as one that gives its shards away; whether there is one. */
  readonly drain: (address: string) => Effect.Effect<boolean, DurableError.StoreUnavailable>
  /** The node is no member any more, and holds nothing. */
  readonly leave: (session: string) => Effect.Effect<void, DurableError.StoreUnavailable>
  readonly view: Effect.Effect<View, DurableError.StoreUnavailable>
  /**
   * By which nodes prove to each other that they are of this cluster: whoever can read the store
   * knows it, and nobody else. 32 random bytes in hexadecimal, made when it is first asked for; the
   * same for ever.
   */
  readonly secret: Effect.Effect<Redacted.Redacted, DurableError.StoreUnavailable>
}

/** What the nodes of a cluster share. */
export class LeaseStore extends Context.Tag("@plantd/cluster/LeaseStore")<
  LeaseStore,
  LeaseStoreService
>() {
  /** In memory, for one process and for tests; leases expire by the clock all the same. */
  static readonly layerMemory: Layer.Layer<LeaseStore> = Layer.sync(
    LeaseStore,
    memoryLeases
  )
}
