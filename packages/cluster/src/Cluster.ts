/** The cluster, as one of its nodes sees it. */
import type { DurableError } from "@plantd/actors"
import { Context, type Effect, type Option, type Stream } from "effect"
import type { Session, View } from "./LeaseStore.ts"

/** What happened to a node, as another one saw it. */
export type MembershipEvent =
  | { readonly _tag: "Joined" | "Left" | "Draining"; readonly node: Session }
  /** It was silent until its lease ran out. */
  | { readonly _tag: "Lost"; readonly node: Session }
  /** How many shards it holds now. */
  | { readonly _tag: "ShardsMoved"; readonly node: Session; readonly shards: number }

/** A node of a cluster. */
export interface ClusterService {
  readonly self: Session
  /** Who is a member, and who holds which shard, as the store says now. */
  readonly view: Effect.Effect<View, DurableError.StoreUnavailable>
  /** Which node holds the lease of an id's shard, as the store says now; none in between. */
  readonly holderOf: (
    id: string
  ) => Effect.Effect<Option.Option<Session>, DurableError.StoreUnavailable>
  /** What this node sees, from when the stream is run; a slow reader misses the oldest. */
  readonly events: Stream.Stream<MembershipEvent>
  /** Whether the actors of an id live here now. */
  readonly isHere: (id: string) => boolean
  /** How many messages wait here for shards that move, or that no node holds. */
  readonly waiting: Effect.Effect<number>
  /**
   * Gives the shards of this node to others, and their actors with them; done when that is so, or
   * when its time is over. It takes no more from then on. Where it is the only node, nothing moves.
   */
  readonly drain: Effect.Effect<void>
}

/** The cluster, as this node sees it. */
export class Cluster extends Context.Tag("@plantd/cluster/Cluster")<Cluster, ClusterService>() {}
