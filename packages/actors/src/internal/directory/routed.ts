/** The client that a router is: which routee gets a message. Hot path: plain code. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Effect, Exit, Stream } from "effect"
import type { AskOptions, TellOptions } from "../../Actor.ts"
import type { ActorAddress } from "../../ActorAddress.ts"
import * as RendezvousHash from "../../RendezvousHash.ts"
import { NoRoutee } from "../../RouterError.ts"
import { immediate } from "../engine/immediate.ts"

/** The client of one actor, or a router, without types. */
export type Erased = Readonly<
  Record<
    string,
    (
      payload: unknown,
      options?: AskOptions | TellOptions
    ) => Effect.Effect<unknown, unknown> | Stream.Stream<unknown, unknown>
  >
>

/** A message as a strategy sees it. */
interface Message {
  readonly tag: string
  readonly payload: unknown
}

/** How a routee is chosen. */
export type Strategy =
  | { readonly _tag: "RoundRobin" }
  | { readonly _tag: "LeastMailbox" }
  | { readonly _tag: "ConsistentHash"; readonly keyOf: (message: Message) => string }

/** Where a router finds its routees. */
export interface Routees {
  /** Gives the same array for as long as nobody comes or goes. */
  readonly addresses: Effect.Effect<ReadonlyArray<ActorAddress>>
  readonly client: (id: string) => Erased
  readonly backlog: (address: ActorAddress) => Effect.Effect<number>
  /** Which actors they are, for error messages. */
  readonly among: string
}

/** A client that chooses a routee for each message, when that is run. */
export const routed = <Rpcs extends Rpc.Any>(
  protocol: RpcGroup.RpcGroup<Rpcs>,
  routees: Routees,
  strategy: Strategy
): Erased => {
  const router = new Router(routees, strategy)
  const methods: Record<string, Erased[string]> = {}
  for (const [tag, rpc] of protocol.requests) {
    const streams = RpcSchema.isStreamSchema((rpc as unknown as Rpc.AnyWithProps).successSchema)
    methods[tag] = (payload, options) => {
      const chosen = router.choose({ tag, payload })
      const send = (client: Erased) => client[tag]?.(payload, options)
      return streams
        ? Stream.unwrap(Effect.map(chosen, send as (client: Erased) => Stream.Stream<unknown>))
        : Effect.flatMap(chosen, send as (client: Erased) => Effect.Effect<unknown>)
    }
  }
  return methods
}

/** The turn-th of `count`, round and round. */
const inTurn = (turn: number, count: number): number => turn % count

/** The index of the least of `backlogs`; of several the first from the turn-th on. */
const fewest = (backlogs: ReadonlyArray<number>, turn: number): number => {
  const count = backlogs.length
  let best = turn % count
  for (let step = 1; step < count; step++) {
    const index = (turn + step) % count
    if ((backlogs[index] ?? 0) < (backlogs[best] ?? 0)) best = index
  }
  return best
}

/** What was made of the routees when they last changed. */
interface Table {
  readonly addresses: ReadonlyArray<ActorAddress>
  readonly clients: ReadonlyArray<Erased>
  readonly nodes: RendezvousHash.Nodes
}

class Router {
  private readonly routees: Routees
  private readonly strategy: Strategy
  private table: Table | undefined = undefined
  private turn = 0

  constructor(routees: Routees, strategy: Strategy) {
    this.routees = routees
    this.strategy = strategy
  }

  choose(message: Message): Effect.Effect<Erased, NoRoutee> {
    return Effect.flatMap(this.routees.addresses, (addresses) => {
      if (addresses.length === 0) {
        return Effect.fail(new NoRoutee({ among: this.routees.among, tag: message.tag }))
      }
      const table = this.tableOf(addresses)
      const { strategy } = this
      switch (strategy._tag) {
        case "RoundRobin":
          return clientAt(table, inTurn(this.nextTurn(), addresses.length))
        case "LeastMailbox":
          return Effect.flatMap(
            this.backlogs(addresses),
            (backlogs) => clientAt(table, fewest(backlogs, this.nextTurn()))
          )
        case "ConsistentHash":
          return clientAt(table, RendezvousHash.indexOf(table.nodes, strategy.keyOf(message)))
      }
    })
  }

  private nextTurn(): number {
    const { turn } = this
    this.turn = (turn + 1) >>> 0
    return turn
  }

  private tableOf(addresses: ReadonlyArray<ActorAddress>): Table {
    if (this.table?.addresses === addresses) return this.table
    const ids = addresses.map(({ id }) => id)
    return (this.table = {
      addresses,
      clients: ids.map(this.routees.client),
      nodes: RendezvousHash.make(this.strategy._tag === "ConsistentHash" ? ids : [])
    })
  }

  /** Without a fiber's step for each routee, where the system counts at once. */
  private backlogs(
    addresses: ReadonlyArray<ActorAddress>
  ): Effect.Effect<ReadonlyArray<number>> {
    const { backlog } = this.routees
    const counts: Array<number> = []
    for (const address of addresses) {
      const exit = immediate(backlog(address), true)
      if (exit === undefined || !Exit.isSuccess(exit)) return Effect.forEach(addresses, backlog)
      counts.push(exit.value as number)
    }
    return Effect.succeed(counts)
  }
}

const clientAt = ({ clients }: Table, index: number): Effect.Effect<Erased> => {
  const client = clients[index]
  return client === undefined ? Effect.dieMessage("no such routee") : Effect.succeed(client)
}
