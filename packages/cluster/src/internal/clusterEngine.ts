/** The cluster engine, which divides the shards among the nodes, and does nothing else here. */
import * as MessageStorage from "@effect/cluster/MessageStorage"
import * as RunnerHealth from "@effect/cluster/RunnerHealth"
import * as Runners from "@effect/cluster/Runners"
import { RunnerStorage } from "@effect/cluster/RunnerStorage"
import * as Sharding from "@effect/cluster/Sharding"
import * as ShardingConfig from "@effect/cluster/ShardingConfig"
import {
  Context,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberRef,
  Layer,
  LogLevel,
  Option,
  Order,
  Scope
} from "effect"
import type { Bounds, Settings } from "../ClusterSettings.ts"
import { addressOf } from "./leaseKeeper.ts"
import { group } from "./shardMap.ts"

/** How long the engine may take to end, in milliseconds. */
const engineCloseMillis = 1_000

/** The engine on runner storage, until the scope closes. */
export const engineOn = (
  storage: RunnerStorage["Type"],
  { shards, weight }: Settings,
  { address, leaseMillis, refreshMillis }: Bounds
): Effect.Effect<Sharding.Sharding["Type"], never, Scope.Scope> => {
  const config = ShardingConfig.layer({
    runnerAddress: Option.some(addressOf(address)),
    runnerShardWeight: Math.max(1, weight),
    shardsPerGroup: shards,
    availableShardGroups: [group],
    assignedShardGroups: [group],
    shardLockExpiration: Duration.millis(leaseMillis),
    shardLockRefreshInterval: Duration.millis(refreshMillis),
    refreshAssignmentsInterval: Duration.millis(refreshMillis),
    entityMessagePollInterval: Duration.millis(refreshMillis),
    simulateRemoteSerialization: false
  })
  const layer = Sharding.layer.pipe(
    Layer.provide(Runners.layerNoop),
    Layer.provide(RunnerHealth.layerNoop),
    Layer.provide(MessageStorage.layerNoop),
    Layer.provide(Layer.succeed(RunnerStorage, storage)),
    Layer.provide(config)
  )
  // Where the store is away it waits for it, also when it is to end.
  const scope = Effect.acquireRelease(
    Scope.make(),
    (scope) =>
      Effect.flatMap(
        Effect.forkDaemon(Scope.close(scope, Exit.void)),
        (closing) =>
          Effect.timeoutOption(Effect.interruptible(Fiber.join(closing)), engineCloseMillis)
      )
  )
  return scope.pipe(
    Effect.flatMap((scope) => Layer.buildWithScope(layer, scope)),
    Effect.map(Context.get(Sharding.Sharding)),
    Effect.locallyWith(FiberRef.currentMinimumLogLevel, (level) =>
      // What it warns of is told in words of ours, and once.
      Order.max(LogLevel.Order)(level, LogLevel.Error))
  )
}
