/** How a node takes part in its cluster. */
import { Duration } from "effect"
import { creditMax } from "./internal/letters.ts"

/** The settings of a node. */
export interface Settings {
  /** By which other nodes reach this one; loopback by default. */
  readonly host: string
  /** 0 for one that the system chooses, where the transport can tell which it was. */
  readonly port: number
  /** What a node listens on, where that is not `host`. */
  readonly listenHost: string | undefined
  /** The port that a node listens on, where that is not `port`: behind a proxy, or mapped. */
  readonly listenPort: number | undefined
  /** How many shards it is to have, relative to others; 0 for a client, which runs no actors. */
  readonly weight: number
  /** Into how many parts all actors are divided; the same for all nodes. */
  readonly shards: number
  /**
   * For how long a node that is silent keeps its shards; then others take them. A node that cannot
   * renew it stops its actors before it ends.
   */
  readonly lease: Duration.DurationInput
  /** How often it is renewed, and the view of the others too. */
  readonly refresh: Duration.DurationInput
  /** How long the actors of a shard may take to handle what they have, when it moves. */
  readonly handoff: Duration.DurationInput
  /** How long a node may take to give its shards away when it stops. */
  readonly drain: Duration.DurationInput
  /**
   * How long one try to bring a batch to another node may take. For twice as long the messages of a
   * shard that has moved wait for what its former node gives back.
   */
  readonly attempt: Duration.DurationInput
  /** The most messages in one batch. */
  readonly batchMax: number
  /** The most messages that wait for one node. */
  readonly queuedMax: number
  /** The most messages that wait for shards that move, or that nobody holds. */
  readonly heldMax: number
  /** The most values of one stream that are on their way to a reader here, or wait for it. */
  readonly streamWindow: number
  /** The most streams of actors here that one other node reads at a time. */
  readonly streamsMax: number
  /** How long a tell waits for a shard that nobody holds. */
  readonly hold: Duration.DurationInput
  /** After its start a node may not know all of its types of actors for so long. */
  readonly registration: Duration.DurationInput
}

/**
 * 127.0.0.1:7700; 256 shards; a lease of 2 s, renewed four times a second; 3 s for a handoff, 10 s
 * to drain; batches of 1,024, tried for 1 s each; 65,536 messages waiting for a node, as many for
 * shards that nobody holds, 30 s at most; 256 values on their way in a stream, 4,096 streams that
 * one node reads; 5 s to register types.
 */
export const defaults: Settings = {
  host: "127.0.0.1",
  port: 7_700,
  listenHost: undefined,
  listenPort: undefined,
  weight: 1,
  shards: 256,
  lease: "2 seconds",
  refresh: "250 millis",
  handoff: "3 seconds",
  drain: "10 seconds",
  attempt: "1 second",
  batchMax: 1_024,
  queuedMax: 65_536,
  heldMax: 65_536,
  streamWindow: 256,
  streamsMax: 4_096,
  hold: "30 seconds",
  registration: "5 seconds"
}

/** The settings with their times in milliseconds, checked. */
export interface Bounds {
  readonly address: string
  readonly leaseMillis: number
  readonly refreshMillis: number
  readonly handoffMillis: number
  readonly drainMillis: number
  readonly attemptMillis: number
  readonly holdMillis: number
  readonly registrationMillis: number
}

/** The most shards that a cluster may have. */
export const shardsMax = 65_536

/** Dies with what is wrong where the settings make no sense. */
export const boundsOf = (settings: Settings): Bounds => {
  const { host, port } = settings
  const counts = [
    "shards",
    "batchMax",
    "queuedMax",
    "heldMax",
    "streamWindow",
    "streamsMax"
  ] as const
  for (const name of counts) whole(name, settings[name])
  if (settings.weight !== 0) whole("weight", settings.weight)
  if (settings.shards > shardsMax) fail("shards", settings.shards, `at most ${shardsMax}`)
  if (settings.streamWindow > creditMax) {
    fail("streamWindow", settings.streamWindow, `at most ${creditMax}`)
  }
  const bounds = {
    address: `${host}:${port}`,
    leaseMillis: millis("lease", settings.lease),
    refreshMillis: millis("refresh", settings.refresh),
    handoffMillis: millis("handoff", settings.handoff),
    drainMillis: millis("drain", settings.drain),
    attemptMillis: millis("attempt", settings.attempt),
    holdMillis: millis("hold", settings.hold),
    registrationMillis: millis("registration", settings.registration)
  }
  const { leaseMillis, refreshMillis } = bounds
  if (refreshMillis * 3 > leaseMillis) {
    fail("refresh", refreshMillis, `at most a third of the lease, which is ${leaseMillis} ms`)
  }
  return bounds
}

const whole = (name: string, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 1) fail(name, value, "a whole number above 0")
}

const millis = (name: string, input: Duration.DurationInput): number => {
  const value = Duration.toMillis(input)
  return value > 0 && Number.isFinite(value) ? value : fail(name, value, "a time above 0")
}

const fail = (name: string, value: unknown, expected: string): never => {
  throw new RangeError(`ClusterSettings: ${name} is ${String(value)}, expected ${expected}`)
}
