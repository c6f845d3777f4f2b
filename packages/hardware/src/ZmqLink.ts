/**
 * The link of a device actor to a device process: the node's side of the device protocol, over
 * whatever `Transport` is there, so over real ZeroMQ sockets as well as simulated ones.
 */
import { Effect, MetricLabel, Queue, Random } from "effect"
import {
  advance,
  type LinkCore,
  nowOf,
  sayGoodbye,
  statusOf,
  wantSnapshot,
  warn
} from "./internal/linkCore.ts"
import { onAnswer, onTelemetry } from "./internal/linkInbound.ts"
import { awaitOnline, expire, read, requestsOf } from "./internal/linkRequests.ts"
import { LogLimiter } from "./internal/logLimiter.ts"
import type { Link, LinkMaker, LinkOwner } from "./LinkPort.ts"
import * as LinkState from "./LinkState.ts"
import { type Socket, Transport, type TransportError } from "./Transport.ts"

/** Where a device process is, and the timings of the link to it. */
export interface Options {
  /** The endpoint of its commands, for example `tcp://127.0.0.1:5701`. */
  readonly commands: string
  /** The endpoint of its telemetry. */
  readonly telemetry: string
  readonly timing?: Partial<LinkState.Timing>
}

/** How long a snapshot of all attributes may take, in milliseconds. */
export const snapshotMillis = 2_000

/** How long after a snapshot that failed the next one is tried, in milliseconds. */
export const snapshotRetryMillis = 1_000

/** Snapshots that are wanted; one token is enough, however often it is asked for. */
const tokensMax = 1

/**
 * Opens a link to the device process at these endpoints. It need not be there yet: the link
 * connects when it is, says HELLO, and does so again whenever it was gone. Fails only where the
 * endpoints can never be used.
 */
export const zmq = (options: Options): LinkMaker<TransportError, Transport> => (owner) =>
  Effect.gen(function*() {
    const transport = yield* Transport
    const dealer = yield* transport.open({
      kind: "dealer",
      mode: "connect",
      endpoint: options.commands
    })
    const subscriber = yield* transport.open({
      kind: "sub",
      mode: "connect",
      endpoint: options.telemetry,
      topics: [owner.device]
    })
    const link = yield* makeCore(owner, {
      dealer,
      subscriber,
      timing: { ...LinkState.timing, ...options.timing }
    })
    yield* Effect.addFinalizer(() => sayGoodbye(link))
    yield* Effect.forkScoped(receiveAll(link, link.dealer, (frames) => onAnswer(link, frames)))
    yield* Effect.forkScoped(
      receiveAll(link, link.subscriber, (frames) => onTelemetry(link, frames))
    )
    yield* Effect.forkScoped(watch(link, link.dealer, "commands"))
    yield* Effect.forkScoped(watch(link, link.subscriber, "telemetry"))
    yield* Effect.forkScoped(takeSnapshots(link))
    yield* Effect.forkScoped(keepTime(link))
    return { status: Effect.sync(() => statusOf(link)), ...requestsOf(link) } satisfies Link
  })

interface Sockets {
  readonly dealer: Socket
  readonly subscriber: Socket
  readonly timing: LinkState.Timing
}

const makeCore = Effect.fnUntraced(function*(owner: LinkOwner, given: Sockets) {
  const clock = yield* Effect.clock
  const link: LinkCore = {
    ...given,
    owner,
    snapshotMillis,
    clock,
    logged: new LogLimiter(),
    labels: [MetricLabel.make("device", owner.device)],
    pending: new Map(),
    onlineWaiters: new Set(),
    wake: yield* Queue.sliding<void>(tokensMax),
    snapshotWanted: yield* Queue.sliding<void>(tokensMax),
    counters: {
      readings: 0,
      batches: 0,
      framesMalformed: 0,
      framesStray: 0,
      gaps: 0,
      readingsMissing: 0,
      sessions: 0,
      answersLate: 0
    },
    state: LinkState.initial(0),
    sinceWall: clock.unsafeCurrentTimeMillis(),
    timerAt: Infinity,
    requests: 0,
    epoch: undefined,
    seq: 0,
    alive: undefined,
    violation: undefined
  }
  link.state = LinkState.initial(nowOf(link))
  owner.onStatus(statusOf(link))
  return link
})

// A socket that cannot be received from was closed with the link's scope: there is nothing to do.
const receiveAll = (
  link: LinkCore,
  socket: Socket,
  handle: (frames: ReadonlyArray<Uint8Array>) => Effect.Effect<void>
): Effect.Effect<void> =>
  socket.receive.pipe(
    Effect.flatMap(handle),
    Effect.forever,
    Effect.catchAll((error) => warn(link, "receive", error.message))
  )

const watch = (
  link: LinkCore,
  socket: Socket,
  path: LinkState.Path
): Effect.Effect<never> =>
  socket.event.pipe(
    Effect.flatMap(({ _tag }) => advance(link, { _tag, path })),
    Effect.forever
  )

// Sleeps until something is due by the state machine, or until something is due sooner.
const keepTime = (link: LinkCore): Effect.Effect<never> =>
  Effect.suspend(() => {
    const now = nowOf(link)
    link.timerAt = Math.min(LinkState.dueAt(link.timing, link.state), expire(link, now))
    const left = link.timerAt - now
    if (left <= 0) {
      return Effect.flatMap(Random.next, (random) => advance(link, { _tag: "Tick" }, random))
    }
    const wake = Queue.take(link.wake)
    // Whole milliseconds: a sleep for a part of one may end before the time that is waited for.
    return left === Infinity ? wake : Effect.raceFirst(Effect.sleep(Math.ceil(left)), wake)
  }).pipe(Effect.forever)

const takeSnapshots = (link: LinkCore): Effect.Effect<never> =>
  Queue.take(link.snapshotWanted).pipe(
    Effect.zipRight(Effect.suspend(() => takeSnapshot(link))),
    Effect.forever
  )

// A session may begin before the telemetry path is there: nothing is sent until then.
const takeSnapshot = (link: LinkCore): Effect.Effect<void> =>
  Effect.suspend(() => awaitOnline(link, nowOf(link) + link.snapshotMillis)).pipe(
    Effect.zipRight(read(link, undefined, link.snapshotMillis)),
    Effect.matchEffect({
      onSuccess: (batch) =>
        Effect.sync(() => {
          if (batch.epoch === link.epoch) link.owner.onSnapshot(batch)
        }),
      // Without a session the next READY asks for the next snapshot.
      onFailure: (error) =>
        link.state.session === "none" ? Effect.void : Effect.zipRight(
          warn(link, "snapshot", `the attributes could not be read: ${error.message}`),
          Effect.sync(() => wantSnapshot(link)).pipe(Effect.delay(snapshotRetryMillis))
        )
    })
  )
