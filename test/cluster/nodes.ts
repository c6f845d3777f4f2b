/** Nodes of a cluster in one process, on virtual time, and an actor that tells where it lives. */
import { Rpc } from "@effect/rpc"
import {
  Actor,
  ActorContext,
  ActorSystem,
  type DeathWatch,
  DurableError,
  DurableMessages,
  Handling,
  MessageStore,
  type MessageStoreService,
  ReminderStore
} from "@plantd/actors"
import { Cluster, ClusterSystem, LeaseStore, type LeaseStoreService } from "@plantd/cluster"
import {
  Clock,
  Context,
  Effect,
  Exit,
  Fiber,
  Layer,
  Schema,
  Scope,
  Stream,
  TestClock
} from "effect"
import { settle } from "../hardware/peers.ts"
import { makeWires } from "./wires.ts"

/** An actor that keeps what it was told in a book that outlives it. */
export const Keeper = Actor.make("Keeper", [
  Rpc.make("Note", { payload: { entry: Schema.Int }, success: Schema.Int }),
  Rpc.make("Record", {
    payload: { entry: Schema.Int, millis: Schema.Int },
    success: Schema.Int
  }).annotate(Handling.Durable, true),
  Rpc.make("Where", { success: Schema.String }),
  Rpc.make("Slow", { payload: { millis: Schema.Int } }),
  Rpc.make("Refuse", { error: Schema.Literal("refused") }),
  Rpc.make("Wrong", { success: Schema.Number }),
  Rpc.make("Watch", { payload: { id: Schema.String } }),
  Rpc.make("Unwatch"),
  Rpc.make("Tail", {
    payload: { count: Schema.Int, end: Schema.Literal("done", "spent", "open", "broken", "unfit") },
    success: Schema.BigInt,
    error: Schema.Literal("spent"),
    stream: true
  })
])

/** What became of actors, and what they were told. */
export interface Book {
  readonly notes: Array<{ readonly id: string; readonly entry: number; readonly node: number }>
  /** How many incarnations of an id are alive, and were at most. */
  readonly alive: Map<string, number>
  most: number
  /** Values that streams have made, and streams that have ended. */
  made: number
  closed: number
  /** Ends that watchers heard of. */
  readonly ends: Array<{ readonly by: string; readonly of: string; readonly reason: string }>
}

/** Counts from 1, then ends as it was asked to. */
const tail = (book: Book, count: number, end: "done" | "spent" | "open" | "broken" | "unfit") => {
  const ends = {
    done: Stream.empty,
    spent: Stream.fail("spent" as const),
    open: Stream.never,
    broken: Stream.dieMessage("broken"),
    unfit: Stream.succeed("no number" as never)
  }
  return Stream.iterate(1n, (made) => made + 1n).pipe(
    Stream.take(count),
    Stream.tap(() => Effect.sync(() => book.made++)),
    Stream.concat(ends[end]),
    Stream.ensuring(Effect.sync(() => book.closed++))
  )
}

const keeper = (book: Book, node: number) =>
  Keeper.toLayer(Effect.gen(function*() {
    const { address: { id }, onEnd, watch } = yield* ActorContext
    const watches: Array<DeathWatch.Watch> = []
    const count = (change: number) => {
      const alive = (book.alive.get(id) ?? 0) + change
      book.alive.set(id, alive)
      book.most = Math.max(book.most, alive)
    }
    count(1)
    yield* onEnd(() => Effect.sync(() => count(-1)))
    return {
      Note: ({ entry }) => Effect.sync(() => book.notes.push({ id, entry, node })),
      Record: ({ entry, millis }) =>
        Effect.zipRight(
          Effect.sleep(millis),
          Effect.sync(() => book.notes.push({ id, entry, node }))
        ),
      Where: () => Effect.succeed(`${node}`),
      Slow: ({ millis }) => Effect.sleep(millis),
      Refuse: () => Effect.fail("refused" as const),
      Wrong: () => Effect.succeed("no number" as never),
      Watch: ({ id: target }) =>
        watch({ type: "Keeper", id: target }, ({ reason }) =>
          Effect.sync(() => void book.ends.push({ by: id, of: target, reason }))).pipe(
            Effect.map((begun) =>
              void watches.push(begun)
            ),
            Effect.orDie
          ),
      Unwatch: () => watches.pop()?.unwatch ?? Effect.void,
      Tail: ({ count, end }) => {
        book.notes.push({ id, entry: -count, node })
        return tail(book, count, end)
      }
    }
  }))

const unavailable = new DurableError.StoreUnavailable({
  reason: "failed",
  outcome: "not-written",
  detail: "the disk is away"
})

/** A store that can be taken away, and be slow. */
const gated = (
  store: LeaseStoreService,
  gate: { open: boolean; delayMillis: number }
): LeaseStoreService => {
  const through = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | DurableError.StoreUnavailable> => {
      if (!gate.open) return unavailable
      return gate.delayMillis === 0 ? effect : Effect.delay(effect, gate.delayMillis)
    })
  return {
    join: (node, options) => through(store.join(node, options)),
    renew: (holding) => through(store.renew(holding)),
    acquire: (granting, shards) => through(store.acquire(granting, shards)),
    release: (granted, shards) => through(store.release(granted, shards)),
    drain: (address) => through(store.drain(address)),
    leave: (session) => through(store.leave(session)),
    view: through(store.view),
    secret: through(store.secret)
  }
}

/** Durable messages that can be taken away with the leases. */
const gatedMessages = (
  store: MessageStoreService,
  gate: { open: boolean }
): MessageStoreService => {
  const through = <A, E>(effect: Effect.Effect<A, E>) =>
    Effect.suspend((): Effect.Effect<A, E | DurableError.StoreUnavailable> =>
      gate.open ? effect : unavailable
    )
  return {
    valueBytesMax: store.valueBytesMax,
    put: (message) => through(store.put(message)),
    pending: (address, limit) => through(store.pending(address, limit)),
    answer: (sequence) => through(store.answer(sequence)),
    attempted: (sequence, by) => through(store.attempted(sequence, by)),
    end: (sequence, end) => through(store.end(sequence, end)),
    waiting: (after, limit) => through(store.waiting(after, limit)),
    prune: (before, limit) => through(store.prune(before, limit))
  }
}

/** As SIGTERM: it interrupts the fiber of a process, and scopes are closed in that very fiber. */
const asTerminated = (ending: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const begun = yield* Effect.makeLatch()
    const life = yield* Effect.fork(
      Effect.ensuring(Effect.zipRight(begun.open, Effect.never), ending)
    )
    yield* begun.await
    yield* Fiber.interrupt(life)
  })

/** A cluster without nodes yet. */
export const makeCluster = Effect.gen(function*() {
  const wires = makeWires()
  const stores = yield* Layer.build(
    Layer.provideMerge(MessageStore.layerMemory, ReminderStore.layerMemory)
  )
  const shared = Context.get(yield* Layer.build(LeaseStore.layerMemory), LeaseStore)
  const book: Book = { notes: [], alive: new Map(), most: 0, made: 0, closed: 0, ends: [] }
  /** Starts a node, which has a number for its port. */
  const start = (
    number: number,
    settings: ClusterSystem.NodeSettings = {},
    also: Layer.Layer<never, never, ActorSystem> = Layer.empty
  ) =>
    Effect.gen(function*() {
      const scope = yield* Effect.acquireRelease(
        Scope.make(),
        // It takes its time, which passes here.
        (scope) => inItsTime(Scope.close(scope, Exit.void))
      )
      const gate = { open: true, delayMillis: 0 }
      const store = Layer.succeed(LeaseStore, gated(shared, gate))
      const messages = gatedMessages(Context.get(stores, MessageStore), gate)
      const address = `127.0.0.1:${number}`
      const context = yield* Layer.buildWithScope(
        Layer.mergeAll(Layer.provide(also, keeper(book, number)), DurableMessages.layer).pipe(
          Layer.provide(Layer.succeed(MessageStore, messages)),
          Layer.provideMerge(
            ClusterSystem.layerOn({ port: number, drain: "2 seconds", ...settings })
          ),
          Layer.provide([store, wires.layer])
        ),
        scope
      )
      return {
        address,
        keeper: yield* Effect.provide(Keeper.client, context),
        cluster: Context.get(context, Cluster),
        system: Context.get(context, ActorSystem),
        stop: asTerminated(Scope.close(scope, Exit.void)),
        /** The store is out of its reach. */
        lock: Effect.sync(() => void (gate.open = false)),
        unlock: Effect.sync(() => void (gate.open = true)),
        /** Each call of the store takes so long from now on. */
        slow: (millis: number) => Effect.sync(() => void (gate.delayMillis = millis)),
        /** As kill -9, for all others: it is heard of no more. */
        vanish: Effect.zipRight(wires.cut(address), Effect.sync(() => void (gate.open = false)))
      }
    })
  return { wires, book, shared, start }
})

/** A node of a test. */
export type Node = Effect.Effect.Success<
  ReturnType<Effect.Effect.Success<typeof makeCluster>["start"]>
>

const stepMillis = 25

/** Lets time pass until a condition holds, and says how long that took, in milliseconds. */
export const untilSo = <E, R>(
  what: string,
  check: Effect.Effect<boolean, E, R>,
  withinMillis = 30_000
): Effect.Effect<number, E, R> =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    for (;;) {
      if (yield* check) return (yield* Clock.currentTimeMillis) - began
      if ((yield* Clock.currentTimeMillis) - began > withinMillis) {
        return yield* Effect.dieMessage(`waited in vain until ${what}`)
      }
      yield* settle
      yield* TestClock.adjust(stepMillis)
    }
  })

/** Lets time pass until an effect has ended, and gives what it gave. */
export const inItsTime = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    let exit: Exit.Exit<A, E> | undefined
    yield* Effect.fork(
      Effect.map(Effect.exit(effect), (ended) => {
        exit = ended
      })
    )
    yield* untilSo("it has ended", Effect.sync(() => exit !== undefined))
    return yield* exit ?? Effect.dieMessage("it has not ended")
  })

/** Waits until these nodes hold all shards between them, each some. */
export const shared = (...nodes: ReadonlyArray<Node>) =>
  untilSo(
    "the shards are divided",
    Effect.sync(() =>
      ids.every((id) => nodes.filter(({ cluster }) => cluster.isHere(id)).length === 1)
      && nodes.every(({ cluster }) => ids.some(cluster.isHere))
    )
  )

/** Ids enough for each node to have some of them. */
export const ids = Array.from({ length: 40 }, (_, index) => `k-${index}`)

/** An id of an actor on a node. */
export const idOn = (node: Node, besides: ReadonlyArray<string> = []): string => {
  const found = ids.find((id) => node.cluster.isHere(id) && !besides.includes(id))
  if (found === undefined) throw new Error(`${node.address} has no actor`)
  return found
}
