/**
 * Sends each message to one of several actors of a type: in turn, to the one with the fewest
 * messages, or by a key. A router is a client: it has no mailbox, and messages of one sender to one
 * routee keep their order.
 */
import type { Rpc } from "@effect/rpc"
import { Effect } from "effect"
import type { Actor, Client as ActorClient } from "./Actor.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { routed, type Routees, type Strategy as Untyped } from "./internal/directory/routed.ts"
import { type Key, Receptionist } from "./Receptionist.ts"
import type { NoRoutee } from "./RouterError.ts"

/** The most actors that a router is given by their ids. */
export const routeesMax = 4_096

/** A message on its way to a routee: its tag, and its payload as the sender gave it. */
export type Message<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: {
    readonly tag: R["_tag"]
    readonly payload: Rpc.PayloadConstructor<R>
  }
}[Rpcs["_tag"]]

/** How a router chooses; see the constants and functions of these names. */
export type Strategy<Rpcs extends Rpc.Any> =
  | { readonly _tag: "RoundRobin" }
  | { readonly _tag: "LeastMailbox" }
  | { readonly _tag: "ConsistentHash"; readonly keyOf: (message: Message<Rpcs>) => string }

/** One after the other, in the order of the routees. */
export const roundRobin: { readonly _tag: "RoundRobin" } = { _tag: "RoundRobin" }

/**
 * The one with the fewest messages waiting, by `ActorSystem.backlog`; among equals one after the
 * other. It asks each routee, so it suits tens of them rather than thousands.
 */
export const leastMailbox: { readonly _tag: "LeastMailbox" } = { _tag: "LeastMailbox" }

/**
 * The same one for the same key, for as long as it is a routee: one that comes or goes moves only
 * its own share of the keys. See `RendezvousHash`.
 */
export const consistentHash = <Rpcs extends Rpc.Any>(
  keyOf: (message: Message<Rpcs>) => string
): Strategy<Rpcs> => ({ _tag: "ConsistentHash", keyOf })

/** Sends to one of the routees, which is chosen each time that the ask or tell is run. */
export type Client<Rpcs extends Rpc.Any> = ActorClient<Rpcs, NoRoutee>

/** A router to the actors of a type by these ids, each of which may stand there once. */
export const make = <Name extends string, Rpcs extends Rpc.Any>(
  actor: Actor<Name, Rpcs>,
  options: {
    readonly routees: ReadonlyArray<string>
    readonly strategy: Strategy<Rpcs>
  }
): Effect.Effect<Client<Rpcs>, never, ActorSystem> => {
  const ids = options.routees
  if (ids.length > routeesMax) {
    throw new RangeError(`Router.make: ${ids.length} routees, expected at most ${routeesMax}`)
  }
  if (new Set(ids).size < ids.length) {
    throw new RangeError(`Router.make: a routee of ${actor.name} stands there twice`)
  }
  const addresses = Effect.succeed(ids.map(actor.at))
  return routerTo(actor, { addresses, among: actor.name }, options.strategy)
}

/** A router to whoever is registered under a key, at the time of each message. */
export const listed = <Name extends string, Rpcs extends Rpc.Any>(
  key: Key<Name, Rpcs>,
  options: { readonly strategy: Strategy<Rpcs> }
): Effect.Effect<Client<Rpcs>, never, ActorSystem | Receptionist> =>
  Effect.flatMap(Receptionist, ({ find }) => {
    const among = `${key.actor.name} under the key ${key.name}`
    return routerTo(key.actor, { addresses: find(key), among }, options.strategy)
  })

const routerTo = <Name extends string, Rpcs extends Rpc.Any>(
  actor: Actor<Name, Rpcs>,
  { addresses, among }: Pick<Routees, "addresses" | "among">,
  strategy: Strategy<Rpcs>
): Effect.Effect<Client<Rpcs>, never, ActorSystem> =>
  Effect.gen(function*() {
    const { backlog } = yield* ActorSystem
    const client = (yield* actor.client) as unknown as Routees["client"]
    const routees = { addresses, among, client, backlog }
    // The types of the protocol end here, and `Client` gives them back.
    const router: unknown = routed(actor.protocol, routees, strategy as Untyped)
    return router as Client<Rpcs>
  })
