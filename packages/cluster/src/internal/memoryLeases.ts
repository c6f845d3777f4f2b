/** Leases in memory: they expire by the clock of Effect. */
import { Clock, Effect, type Redacted } from "effect"
import { AddressInUse, LeaseLost, ProtocolsDiffer, ShardsDiffer } from "../ClusterError.ts"
import type { Joining, LeaseStoreService, RefusedError } from "../LeaseStore.ts"
import { newSecret } from "./clusterSecret.ts"
import { haveCommon } from "./protocols.ts"

interface Stored {
  readonly node: Joining
  readonly startedAt: number
  expiresAt: number
  draining: boolean
}

interface Lease {
  readonly session: string
  /** The newest request of its session that it was granted by. */
  readonly grant: number
  readonly expiresAt: number
}

interface Memory {
  /** By address. */
  readonly nodes: Map<string, Stored>
  /** By shard. */
  readonly leases: Map<string, Lease>
  shards: number | undefined
  secret: Redacted.Redacted | undefined
}

const at = <A, E>(body: (now: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Clock.currentTimeMillis, body)

/** A store in memory. */
export const memoryLeases = (): LeaseStoreService => {
  const memory: Memory = {
    nodes: new Map(),
    leases: new Map(),
    shards: undefined,
    secret: undefined
  }
  const secret = Effect.suspend(() =>
    memory.secret === undefined
      ? Effect.tap(newSecret, (secret) => Effect.sync(() => void (memory.secret = secret)))
      : Effect.succeed(memory.secret)
  )
  return { ...membersIn(memory), ...leasesIn(memory), secret }
}

const membersIn = (memory: Memory): Pick<LeaseStoreService, "join" | "drain" | "leave"> => {
  const { leases, nodes } = memory
  return {
    join: (node, { ttlMillis }) =>
      at((now): Effect.Effect<void, RefusedError> => {
        const { address, protocols: ours, session, shards } = node
        const before = nodes.get(address)
        if (before !== undefined && before.node.session !== session && before.expiresAt > now) {
          return new AddressInUse({ address, startedAt: before.startedAt })
        }
        const others = [...nodes.values()].filter((other) =>
          other.expiresAt > now && other.node.address !== address
        )
        const other = others.find(({ node }) => !haveCommon(node.protocols, ours))?.node
        if (other !== undefined) {
          return new ProtocolsDiffer({ address: other.address, theirs: other.protocols, ours })
        }
        const stored = memory.shards ?? shards
        if (others.length > 0 && stored !== shards) return new ShardsDiffer({ shards, stored })
        memory.shards = shards
        const expiresAt = now + ttlMillis
        nodes.set(address, { node, startedAt: now, expiresAt, draining: false })
        return Effect.void
      }),
    drain: (address) =>
      Effect.sync(() => {
        const stored = nodes.get(address)
        if (stored !== undefined) stored.draining = true
        return stored !== undefined
      }),
    leave: (session) =>
      Effect.sync(() => {
        for (const [address, { node }] of nodes) {
          if (node.session === session) nodes.delete(address)
        }
        for (const [shard, lease] of leases) if (lease.session === session) leases.delete(shard)
      })
  }
}

const leasesIn = (
  { leases, nodes }: Memory
): Pick<LeaseStoreService, "renew" | "acquire" | "release" | "view"> => ({
  renew: ({ session, ttlMillis }) =>
    at((now): Effect.Effect<ReadonlyArray<string>, LeaseLost> => {
      const stored = [...nodes.values()].find(({ node }) => node.session === session)
      if (stored === undefined) return new LeaseLost({ address: session })
      stored.expiresAt = now + ttlMillis
      const mine = heldBy(leases, session, now)
      for (const shard of mine) {
        const grant = leases.get(shard)?.grant ?? 0
        leases.set(shard, { session, grant, expiresAt: now + ttlMillis })
      }
      return Effect.succeed(mine)
    }),
  acquire: ({ grant, session, ttlMillis }, shards) =>
    at((now) => {
      for (const shard of shards) {
        const lease = leases.get(shard)
        const isOwn = lease?.session === session
        if (lease !== undefined && !isOwn && lease.expiresAt > now) continue
        const newest = isOwn ? Math.max(grant, lease.grant) : grant
        leases.set(shard, { session, grant: newest, expiresAt: now + ttlMillis })
      }
      const wanted = new Set(shards)
      return Effect.succeed(heldBy(leases, session, now).filter((shard) => wanted.has(shard)))
    }),
  release: ({ grant, session }, shards) =>
    Effect.sync(() => {
      for (const shard of shards ?? Array.from(leases.keys())) {
        const lease = leases.get(shard)
        if (lease?.session === session && lease.grant <= grant) leases.delete(shard)
      }
    }),
  view: at((now) =>
    Effect.succeed({
      members: [...nodes.values()].map(({ draining, expiresAt, node, startedAt }) => ({
        address: node.address,
        session: node.session,
        protocols: node.protocols,
        weight: node.weight,
        startedAt,
        leaseLeft: expiresAt - now,
        draining
      })),
      holders: new Map(
        [...leases].filter(([, { expiresAt }]) => expiresAt > now)
          .map(([shard, { session }]) => [shard, session])
      )
    })
  )
})

const heldBy = (
  leases: ReadonlyMap<string, Lease>,
  session: string,
  now: number
): ReadonlyArray<string> =>
  [...leases].filter(([, lease]) => lease.session === session && lease.expiresAt > now)
    .map(([shard]) => shard)
