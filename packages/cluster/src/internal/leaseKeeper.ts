/**
 * The storage of runners that the cluster engine works on, made of leases: what it takes and gives
 * up goes through here, so that actors stop before their shard is given up, and the end of the
 * lease is known by the clock of this node.
 */
import { PersistenceError } from "@effect/cluster/ClusterError"
import * as MachineId from "@effect/cluster/MachineId"
import { Runner } from "@effect/cluster/Runner"
import { RunnerAddress } from "@effect/cluster/RunnerAddress"
import { RunnerStorage } from "@effect/cluster/RunnerStorage"
import { ShardId } from "@effect/cluster/ShardId"
import type { ActorAddress, DurableError, Placement } from "@plantd/actors"
import { Effect, Random } from "effect"
import type { Joining, LeaseStoreService, View } from "../LeaseStore.ts"
import type { LeaseClock } from "./leaseClock.ts"
import { group, type ShardMap } from "./shardMap.ts"

/** What the keeper of leases needs of its node. */
export interface Keeping {
  readonly self: Joining
  readonly store: LeaseStoreService
  readonly clock: LeaseClock
  readonly now: () => number
  readonly shards: ShardMap
  readonly hosted: Pick<Placement.HostedSystem, "release" | "revoke">
  readonly leaseMillis: number
  readonly handoffMillis: number
  /** How long to wait for shards that others are about to give up, in milliseconds. */
  readonly acquireMillis: number
  readonly onView: (view: View) => void
  /** Leases were taken or given up. */
  readonly onChange: () => void
}

const acquireAgainMillis = 20

/** The engine numbers its runners; here their numbers name nothing. */
const machinesMax = 1_024

/** Runner storage made of leases. */
export const runnerStorageOf = (keeping: Keeping): RunnerStorage["Type"] => {
  const { clock, leaseMillis: ttlMillis, onChange, self, shards, store } = keeping
  const { session } = self
  const holding = { session, ttlMillis }
  const release = (concerns: ReadonlyArray<string> | undefined) => {
    const drained = keeping.hosted.release(actorsIn(shards, concerns), {
      withinMillis: keeping.handoffMillis
    })
    return Effect.zipRight(drained, persisted(store.release(session, concerns))).pipe(
      Effect.ensuring(Effect.sync(onChange))
    )
  }
  return RunnerStorage.of({
    register: () => Effect.map(Random.nextIntBetween(0, machinesMax), MachineId.make),
    unregister: () => Effect.asVoid(persisted(store.drain(self.address))),
    setRunnerHealth: () => Effect.void,
    getRunners: Effect.map(persisted(store.view), (view) => {
      keeping.onView(view)
      return runnersOf(view)
    }),
    acquire: (_, wanted) => {
      const names = Array.from(wanted, (shard) => shard.toString())
      const until = keeping.now() + keeping.acquireMillis
      return persisted(acquire(keeping, { names, until, holding })).pipe(
        Effect.map((held) => held.map((name) => ShardId.fromString(name))),
        Effect.ensuring(Effect.sync(onChange))
      )
    },
    refresh: (_, wanted) =>
      Effect.suspend(() => {
        const begunAt = keeping.now()
        const mine = new Set(Array.from(wanted, (shard) => shard.toString()))
        return store.renew(holding).pipe(
          Effect.catchTag("LeaseLost", () => rejoin(keeping)),
          Effect.map((held) => {
            clock.renewed(begunAt, ttlMillis)
            return held.filter((name) => mine.has(name)).map((name) => ShardId.fromString(name))
          }),
          persisted
        )
      }),
    release: (_, shard) => release([shard.toString()]),
    releaseAll: () => release(undefined)
  })
}

const acquire = (
  keeping: Keeping,
  { holding, names, until }: {
    readonly names: ReadonlyArray<string>
    readonly until: number
    readonly holding: { readonly session: string; readonly ttlMillis: number }
  }
): Effect.Effect<ReadonlyArray<string>, DurableError.StoreUnavailable> =>
  Effect.flatMap(
    keeping.store.acquire(holding, names),
    (held) =>
      held.length === names.length || keeping.now() >= until
        ? Effect.succeed(held)
        : Effect.delay(acquire(keeping, { names, until, holding }), acquireAgainMillis)
  )

/** Another run of this node, or a person, has removed it: what it held is lost; it joins anew. */
const rejoin = (keeping: Keeping) =>
  Effect.gen(function*() {
    keeping.clock.lost()
    yield* keeping.hosted.revoke(() => true)
    yield* keeping.store.join(keeping.self, { ttlMillis: keeping.leaseMillis })
    const none: ReadonlyArray<string> = []
    return none
  })

const persisted = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, PersistenceError> =>
  Effect.mapError(effect, (cause) => new PersistenceError({ cause }))

const actorsIn = (
  shards: ShardMap,
  names: ReadonlyArray<string> | undefined
): (address: ActorAddress.ActorAddress) => boolean => {
  if (names === undefined) return () => true
  const numbers = new Set(names.map((name) => shards.numberOf(name)))
  return ({ id }) => numbers.has(shards.of(id))
}

/**
 * The nodes that shards are divided among are the healthy ones: those whose lease lasts, that have
 * a weight, and are not draining.
 */
const runnersOf = ({ members }: View): Array<readonly [Runner, boolean]> =>
  members.map(({ address, draining, leaseLeft, weight }) => [
    new Runner({ address: addressOf(address), groups: [group], weight: Math.max(1, weight) }),
    leaseLeft > 0 && !draining && weight > 0
  ])

/** The address of a node, for the cluster engine. */
export const addressOf = (address: string): RunnerAddress => {
  const split = address.lastIndexOf(":")
  return new RunnerAddress({
    host: address.slice(0, split),
    port: Number(address.slice(split + 1))
  })
}
