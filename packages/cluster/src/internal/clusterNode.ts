/** Puts one node of a cluster together: its leases, its peers, its actors. */
import type * as Sharding from "@effect/cluster/Sharding"
import { type ActorSystemSettings, Placement } from "@plantd/actors"
import { Buggify, Monotonic } from "@plantd/core"
import { Effect, FiberSet, Option, PubSub, Stream } from "effect"
import type { ClusterService, MembershipEvent } from "../Cluster.ts"
import { boundsOf, type Settings } from "../ClusterSettings.ts"
import { type Joining, LeaseStore, type View } from "../LeaseStore.ts"
import { PeerTransport } from "../PeerTransport.ts"
import { type HeldLeases, type Holder, holdLeases } from "./heldLeases.ts"
import { Inbox } from "./inbox.ts"
import { LeaseClock } from "./leaseClock.ts"
import { engineOn } from "./clusterEngine.ts"
import { actorsIn, runnerStorageOf } from "./leaseKeeper.ts"
import {
  giveAway,
  join,
  linger,
  lookAgain,
  newSession,
  oneEnd,
  stopWithLease,
  untilSent
} from "./membership.ts"
import { eventsBetween } from "./memberEvents.ts"
import { spoken } from "./protocols.ts"
import { Router } from "./router.ts"
import { ShardMap } from "./shardMap.ts"

/** Events that wait for a slow reader; the oldest are forgotten. */
const eventsMax = 1_024

/** For so many tries of a batch a node that stops waits until all is sent: a recall takes two. */
const sentTries = 3

/** For so many refreshes a node that has left answers those who have not seen it. */
const goodbyeRefreshes = 2

/** The store says that a shard is held some time before its actors may run: it is looked again. */
const lookAfterGainMillis = 3_000
const lookEveryMillis = 250

/** A node of a cluster, for as long as the scope lasts. */
export const makeNode = (settings: Settings, actors: Partial<ActorSystemSettings>) =>
  Effect.gen(function*() {
    const ground = yield* groundOf(settings)
    const { bounds, self, store, transport } = ground
    const drain = yield* oneEnd(giveAway(self, bounds, store))
    const late: Late = { engine: undefined, hosted: undefined, leases: undefined }
    const router = routerOf(ground, late, drain)
    const hosted = yield* Placement.host(router, actors)
    late.hosted = hosted
    const inbox = inboxOf(ground, { hosted, router })
    const { events, onView } = yield* observe(ground, { hosted, inbox, router })
    // It leaves before it stops listening: then the others let go of their connections at once.
    yield* transport.serve(
      {
        host: settings.listenHost ?? settings.host,
        port: settings.listenPort ?? settings.port
      },
      (batch) => inbox.take(batch)
    )
    // Others see a little later that it has left: until then it answers that it takes nothing.
    yield* Effect.addFinalizer(() =>
      router.isAlone ? Effect.void : linger(bounds.refreshMillis * goodbyeRefreshes)
    )
    yield* join(ground)
    const leases = yield* holdLeases(leaseHolderOf(ground, hosted))
    late.leases = leases
    const storage = storageOf(ground, { hosted, leases, onView })
    late.engine = yield* engineOn(storage, settings, bounds)
    yield* Effect.forkScoped(lookAgain(ground.again, store, { fires: ground.fires, onView }))
    yield* Effect.forkScoped(stopWithLease(ground.lease, hosted))
    // Its last answers, before nobody takes it for a member any more.
    yield* Effect.addFinalizer(() =>
      Effect.zipRight(drain, untilSent(() => router.isEmpty, sentTries * bounds.attemptMillis))
    )
    const cluster: ClusterService = {
      self,
      view: store.view,
      holderOf: (id) => Effect.map(store.view, (view) => holderOf(ground.shards, view, id)),
      events,
      isHere: (id) => router.isHere("", id),
      waiting: Effect.sync(() => router.waiting),
      drain
    }
    return { cluster, system: hosted.service }
  })

const holderOf = (shards: ShardMap, { holders, members }: View, id: string) => {
  const session = holders.get(shards.names[shards.of(id)] ?? "")
  return Option.fromNullable(members.find((member) => member.session === session))
}

/** What all parts of a node stand on. */
type Ground = Effect.Effect.Success<ReturnType<typeof groundOf>>

const groundOf = (settings: Settings) =>
  Effect.gen(function*() {
    const bounds = boundsOf(settings)
    const clock = yield* Effect.clock
    const now = () => Monotonic.millis(clock)
    const self: Joining = {
      address: bounds.address,
      session: yield* newSession(bounds.address),
      protocols: spoken,
      weight: settings.weight,
      shards: settings.shards
    }
    return {
      settings,
      bounds,
      self,
      now,
      startedAt: now(),
      store: yield* LeaseStore,
      transport: yield* PeerTransport,
      shards: new ShardMap(settings.shards),
      lease: new LeaseClock(now),
      fires: yield* Buggify.Buggify,
      /** Opened where the view is to be read anew. */
      again: Effect.unsafeMakeLatch(false),
      run: yield* FiberSet.makeRuntime<never, void, never>()
    }
  })

/** What is made after the router, and needs it. */
interface Late {
  engine: Sharding.Sharding["Type"] | undefined
  hosted: Placement.HostedSystem | undefined
  leases: HeldLeases | undefined
}

const routerOf = (ground: Ground, late: Late, drain: Effect.Effect<void>): Router => {
  const { again, bounds, fires, lease, now, run, self, settings, shards, transport } = ground
  let number = 0
  // Both: the lease of the node may have been renewed after this one was lost.
  const hasLease = (shard: number) =>
    lease.isValid && late.leases?.has(shards.names[shard] ?? "") === true
  return new Router({
    shards,
    self,
    now,
    heldMax: settings.heldMax,
    holdMillis: bounds.holdMillis,
    office: {
      self,
      now,
      nextNumber: () => ++number,
      batchMax: settings.batchMax,
      queuedMax: settings.queuedMax,
      attemptMillis: bounds.attemptMillis,
      fires,
      deadLetter: (address, tag) =>
        late.hosted?.service.engine.deadLetter(address, tag, "undelivered")
    },
    holds: (shard) => {
      const id = shards.ids[shard]
      return id !== undefined && late.engine?.hasShardId(id) === true && hasLease(shard)
    },
    hasLease,
    watchHere: (address, notify) =>
      late.hosted?.service.engine.watch(address, notify) ?? (() => undefined),
    protocolOf: (type) => late.hosted?.protocolOf(type),
    open: (peer) =>
      run(Effect.scoped(Effect.flatMap(transport.connect(peer.address), (post) => peer.run(post)))),
    drain,
    lookAgain: () => again.unsafeOpen()
  })
}

const inboxOf = (
  { bounds, now, run, self, settings, shards, startedAt }: Ground,
  { hosted, router }: { readonly hosted: Placement.HostedSystem; readonly router: Router }
): Inbox =>
  new Inbox({
    address: self.address,
    session: self.session,
    hosted,
    isHere: router.isHere,
    shardOf: (id) => shards.of(id),
    isStarting: () => now() - startedAt < bounds.registrationMillis,
    peerOf: router.peerOf,
    memberPeer: router.memberPeer,
    givenBack: router.givenBack,
    recalled: router.recalled,
    broken: (peer, link) => router.broken(peer, link),
    run,
    streamWindow: settings.streamWindow,
    streamsMax: settings.streamsMax
  })

/** Follows what the store says, and tells what happened. */
const observe = (
  { now, run, self }: Ground,
  { hosted, inbox, router }: {
    readonly hosted: Placement.HostedSystem
    readonly inbox: Inbox
    readonly router: Router
  }
) =>
  Effect.map(PubSub.sliding<MembershipEvent>(eventsMax), (hub) => {
    let seen: View = { members: [], holders: new Map() }
    let looksUntil = 0
    let nextLook = 0
    const onView = (view: View): void => {
      for (const event of eventsBetween(seen, view)) run(PubSub.publish(hub, event))
      if (gainsShards(self.session, seen, view)) looksUntil = now() + lookAfterGainMillis
      seen = view
      // Before anything else goes to them.
      inbox.tellReturned(view.members.filter(({ leaseLeft }) => leaseLeft > 0))
      for (const session of router.see(view)) inbox.forget(session)
      if (now() < looksUntil && now() >= nextLook) {
        nextLook = now() + lookEveryMillis
        hosted.gained()
      }
    }
    return { events: Stream.fromPubSub(hub), onView }
  })

const gainsShards = (session: string, before: View, now: View): boolean => {
  for (const [shard, holder] of now.holders) {
    if (holder === session && before.holders.get(shard) !== session) return true
  }
  return false
}

const leaseHolderOf = (
  { bounds, fires, lease, now, self, shards, store }: Ground,
  hosted: Placement.HostedSystem
): Holder => ({
  ...bounds,
  fires,
  clock: lease,
  now,
  self,
  store,
  revoke: (names) => hosted.revoke(actorsIn(shards, names)),
  onRegained: () => hosted.gained()
})

const storageOf = (
  { again, bounds, self, shards, store }: Ground,
  { hosted, leases, onView }: {
    readonly hosted: Placement.HostedSystem
    readonly leases: HeldLeases
    readonly onView: (view: View) => void
  }
) =>
  runnerStorageOf({
    self,
    store,
    held: leases,
    shards,
    hosted,
    handoffMillis: bounds.handoffMillis,
    onView,
    onChange: () => again.unsafeOpen()
  })
