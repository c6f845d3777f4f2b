/**
 * Which actors offer what: a registry by typed key, with subscription. An entry lasts as long as
 * its actor is alive, as with Pekko's receptionist; a restart keeps it.
 */
import type { Rpc } from "@effect/rpc"
import { Identifier } from "@plantd/core"
import { Context, type Effect, Layer, type Scope, type Stream } from "effect"
import type { Actor, Client } from "./Actor.ts"
import type { ActorAddress } from "./ActorAddress.ts"
import type { ActorNotRegistered, ActorStopped } from "./ActorError.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { makeRegistry } from "./internal/directory/registry.ts"
import type { ReceptionistFull } from "./ReceptionistError.ts"

/** What actors of one type offer. Keys of one name and of different types are different keys. */
export interface Key<Name extends string, Rpcs extends Rpc.Any> {
  readonly name: string
  readonly actor: Actor<Name, Rpcs>
}

/** How much a receptionist holds at most. */
export interface Settings {
  /** How many keys have actors or readers at a time. */
  readonly keysMax: number
  /** How many actors stand under one key. */
  readonly actorsPerKeyMax: number
  /** How many streams follow one key at a time. */
  readonly readersPerKeyMax: number
}

/** 1,024 keys, each with 4,096 actors and 1,024 readers. */
export const defaults: Settings = {
  keysMax: 1_024,
  actorsPerKeyMax: 4_096,
  readersPerKeyMax: 1_024
}

/** Why an actor was not registered. */
export type RegisterError = ReceptionistFull | ActorNotRegistered | ActorStopped

/** The registry of one system. */
export interface ReceptionistService {
  /**
   * Lists an actor under a key until it ends or is deregistered. One that is not alive is started.
   * From its own build an actor registers itself: a restart keeps the entry and its place.
   */
  readonly register: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>,
    id: string
  ) => Effect.Effect<void, RegisterError>
  /** As `register`, and deregisters when the scope closes. */
  readonly registerScoped: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>,
    id: string
  ) => Effect.Effect<void, RegisterError, Scope.Scope>
  /** Takes an actor off a key, where it stands there. */
  readonly deregister: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>,
    id: string
  ) => Effect.Effect<void>
  /** Who stands under a key now, the first registered first; the same array until that changes. */
  readonly find: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>
  ) => Effect.Effect<ReadonlyArray<ActorAddress>>
  /** Clients of those who stand under a key now. */
  readonly clients: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>
  ) => Effect.Effect<ReadonlyArray<Client<Rpcs>>>
  /**
   * Who stands under a key now, then again after each change. A slow reader misses listings, never
   * the newest. It ends with the receptionist.
   */
  readonly subscribe: <Name extends string, Rpcs extends Rpc.Any>(
    key: Key<Name, Rpcs>
  ) => Stream.Stream<ReadonlyArray<ActorAddress>, ReceptionistFull>
}

/** The registry of a system; provide it once, beside its `ActorSystem`. */
export class Receptionist extends Context.Tag("@plantd/actors/Receptionist")<
  Receptionist,
  ReceptionistService
>() {
  /** A key for actors of a type. The name must be an identifier. */
  static readonly keyOf = <Name extends string, Rpcs extends Rpc.Any>(
    name: string,
    actor: Actor<Name, Rpcs>
  ): Key<Name, Rpcs> => {
    if (Identifier.isIdentifier(name)) return { name, actor }
    throw new RangeError(`Receptionist.keyOf: ${JSON.stringify(name)} is not an identifier`)
  }

  /** A registry in memory, with the default settings. */
  static readonly layer: Layer.Layer<Receptionist, never, ActorSystem> = Layer.suspend(() =>
    Receptionist.layerWith({})
  )

  /** A registry in memory, with these settings. */
  static readonly layerWith = (
    settings: Partial<Settings>
  ): Layer.Layer<Receptionist, never, ActorSystem> =>
    Layer.scoped(Receptionist, makeRegistry({ ...defaults, ...settings }))
}
