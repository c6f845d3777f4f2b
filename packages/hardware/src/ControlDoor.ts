/**
 * A door to one actor: it serves the actor's protocol over a socket, to programs that are no part
 * of its system. Whatever comes in is decoded by the schemas of the protocol before the actor sees
 * it.
 */
import type { Rpc } from "@effect/rpc"
import { type Actor, ActorSystem } from "@plantd/actors"
import { Effect, type Scope } from "effect"
import * as engine from "./internal/controlServer.ts"
import type { Transport, TransportError } from "./Transport.ts"

/** The bounds of one door. */
export interface Settings {
  /** Requests under way, of one peer and of all; beyond it they are refused as `busy`. */
  readonly peerRequestsMax: number
  readonly requestsMax: number
  /** As many more that are urgent, of all peers. */
  readonly urgentMax: number
  /** Streams among them, of one peer and of all. */
  readonly peerStreamsMax: number
  readonly streamsMax: number
  /** A peer that was not heard for this long is gone, and its streams are ended; milliseconds. */
  readonly peerSilenceMillis: number
}

/** 32 requests and 16 streams of a peer, 256 and 64 in all, 16 urgent ones; 5 s of silence. */
export const settings: Settings = {
  peerRequestsMax: 32,
  requestsMax: 256,
  urgentMax: 16,
  peerStreamsMax: 16,
  streamsMax: 64,
  peerSilenceMillis: 5_000
}

/** What a door has counted since it was opened, and what is under way. */
export interface Counters {
  /** Requests that were given to the actor, and those that were not. */
  readonly requests: number
  readonly requestsRefused: number
  /** Messages that were not of the control protocol. */
  readonly framesMalformed: number
  /** Answers that could not be handed over, since their peer was gone or read nothing. */
  readonly sendsFailed: number
  /** Peers whose streams were ended since they were gone. */
  readonly peersGone: number
  readonly requestsRunning: number
  readonly streamsRunning: number
}

/** Which actor is served, where, and how. */
export interface Options<Name extends string, Rpcs extends Rpc.Any> {
  readonly actor: Actor.Actor<Name, Rpcs>
  readonly id: string
  /** Only loopback and ipc: peers are not authenticated. */
  readonly endpoint: string
  /** Which requests find room however many are under way, such as an emergency stop. */
  readonly isUrgent?: (request: { readonly tag: string; readonly payload: unknown }) => boolean
  readonly settings?: Partial<Settings>
}

/** An open door. */
export interface Door {
  /** The endpoint in use; with the port that the system chose. */
  readonly endpoint: string
  readonly counters: Effect.Effect<Counters>
}

/** Opens a door until the scope is closed. Ends at once where the endpoint cannot be bound. */
export const open = <Name extends string, Rpcs extends Rpc.Any>(
  options: Options<Name, Rpcs>
): Effect.Effect<Door, TransportError, Transport | ActorSystem | Scope.Scope> =>
  Effect.flatMap(options.actor.client, (client) =>
    engine.start({
      actor: options.actor.name,
      id: options.id,
      endpoint: options.endpoint,
      protocol: options.actor.protocol,
      client: client(options.id) as unknown as engine.Asking,
      isUrgent: options.isUrgent ?? (() => false),
      settings: { ...settings, ...options.settings }
    }))
