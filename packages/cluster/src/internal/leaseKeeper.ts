/**
 * The storage of runners that the cluster engine works on, made of leases: what it takes and gives
 * up goes through here, so that actors stop before their shard is given up.
 */
import { PersistenceError } from "@effect/cluster/ClusterError"
import * as MachineId from "@effect/cluster/MachineId"
import { Runner } from "@effect/cluster/Runner"
import { RunnerAddress } from "@effect/cluster/RunnerAddress"
import { RunnerStorage } from "@effect/cluster/RunnerStorage"
import { ShardId } from "@effect/cluster/ShardId"
import type { ActorAddress, Placement } from "@plantd/actors"
import { Effect, Random } from "effect"
import type { Joining, LeaseStoreService, View } from "../LeaseStore.ts"
import type { HeldLeases } from "./heldLeases.ts"
import { group, type ShardMap } from "./shardMap.ts"

/** What the keeper of leases needs of its node. */
export interface Keeping {
  readonly self: Joining
  readonly store: LeaseStoreService
  readonly held: HeldLeases
  readonly shards: ShardMap
  readonly hosted: Pick<Placement.HostedSystem, "release">
  readonly handoffMillis: number
  readonly onView: (view: View) => void
  /** Leases were taken or given up. */
  readonly onChange: () => void
}

/** The engine numbers its runners; here their numbers name nothing. */
const machinesMax = 1_024

/** Runner storage made of leases. */
export const runnerStorageOf = (keeping: Keeping): RunnerStorage["Type"] => {
  const { held, onChange, self, shards, store } = keeping
  const runnersOf = runnerReader()
  const release = (concerns: ReadonlyArray<string> | undefined) => {
    const drained = keeping.hosted.release(actorsIn(shards, concerns), {
      withinMillis: keeping.handoffMillis
    })
    return Effect.zipRight(drained, persisted(held.release(concerns))).pipe(
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
    acquire: (_, wanted) =>
      persisted(held.acquire(Array.from(wanted, (shard) => shard.toString()))).pipe(
        Effect.map(shardIdsOf),
        Effect.ensuring(Effect.sync(onChange))
      ),
    // At once: the engine waits 250 ms, and stops all actors then. What it holds and does not want
    // it gives up.
    refresh: () => Effect.map(persisted(held.shards), shardIdsOf),
    release: (_, shard) => release([shard.toString()]),
    releaseAll: () => release(undefined)
  })
}

const shardIdsOf = (names: ReadonlyArray<string>): Array<ShardId> =>
  names.map((name) => ShardId.fromString(name))

const persisted = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, PersistenceError> =>
  Effect.mapError(effect, (cause) => new PersistenceError({ cause }))

/** Whether an actor is in one of these shards, or in any where none are named. */
export const actorsIn = (
  shards: ShardMap,
  names: ReadonlyArray<string> | undefined
): (address: ActorAddress.ActorAddress) => boolean => {
  if (names === undefined) return () => true
  const numbers = new Set(names.map((name) => shards.numberOf(name)))
  return ({ id }) => numbers.has(shards.of(id))
}

/**
 * Reads who the runners are. The nodes that shards are divided among are the healthy ones: those
 * whose lease lasts, that have a weight, and are not draining.
 */
const runnerReader = () => {
  // The engine compares them at each look, several times a second: the same ones are compared fast.
  let known = new Map<string, Runner>()
  return ({ members }: View): Array<readonly [Runner, boolean]> => {
    const seen = new Map<string, Runner>()
    const runners = members.map(({ address, draining, leaseLeft, weight }) => {
      const name = `${address} ${weight}`
      const runner = known.get(name) ?? runnerOf(address, weight)
      seen.set(name, runner)
      return [runner, leaseLeft > 0 && !draining && weight > 0] as const
    })
    known = seen
    return runners
  }
}

const runnerOf = (address: string, weight: number): Runner =>
  new Runner({ address: addressOf(address), groups: [group], weight: Math.max(1, weight) })

/** The address of a node, for the cluster engine. */
export const addressOf = (address: string): RunnerAddress => {
  const split = address.lastIndexOf(":")
  return new RunnerAddress({
    host: address.slice(0, split),
    port: Number(address.slice(split + 1))
  })
}
