/**
 * Where messages go: to an actor here, to the node that holds the lease of its shard, or nowhere as
 * long as nobody holds it; then they wait. Messages for one shard keep their order.
 */
import type { Rpc } from "@effect/rpc"
import { type ActorAddress, ActorError, DeathWatch, type Placement } from "@plantd/actors"
import { Effect, Either } from "effect"
import type { Member, View } from "../LeaseStore.ts"
import { codecOf } from "@plantd/actors/MessageCodec"
import { type Office, type Outgoing, Peer } from "./peer.ts"
import { RemoteWatch } from "./remoteWatch.ts"
import type { ShardMap } from "./shardMap.ts"

/** What a router needs of its node. */
export interface Region {
  readonly shards: ShardMap
  readonly self: { readonly address: string; readonly session: string }
  readonly now: () => number
  readonly heldMax: number
  readonly holdMillis: number
  readonly office: Omit<Office, "elsewhere">
  /** Whether this node runs the actors of a shard now. */
  readonly holds: (shard: number) => boolean
  /** Watches an actor of this node. */
  readonly watchHere: Placement.Placement["watch"]
  readonly protocolOf: Placement.HostedSystem["protocolOf"]
  /** Connects a peer, and posts for it until it is closed. */
  readonly open: (peer: Peer) => void
  /** Whether this node may run the actors of a shard still, also where it moves away. */
  readonly hasLease: (shard: number) => boolean
  /** Gives what this node holds to others. */
  readonly drain: Effect.Effect<void>
  /** The view is to be read anew soon. */
  readonly lookAgain: () => void
}

interface Held extends Outgoing {
  readonly since: number
}

/** Sends messages where their actors live. */
export class Router implements Placement.Placement {
  private readonly region: Region
  private readonly peers = new Map<string, Peer>()
  private readonly held = new Map<number, Array<Held>>()
  /** To whom the messages for a shard went last. */
  private readonly wentTo = new Map<number, Peer>()
  private carried = 0
  private heldCount = 0
  private watches = 0
  private members = new Map<string, Member>()
  private holders = new Map<number, string>()

  constructor(region: Region) {
    this.region = region
  }

  readonly beforeClose: Effect.Effect<void> = Effect.suspend(() => this.region.drain)

  readonly hasLease = (_type: string, id: string): boolean => {
    const { hasLease, shards } = this.region
    return hasLease(shards.of(id))
  }

  readonly isHere = (_type: string, id: string): boolean => {
    const { holds, shards } = this.region
    return holds(shards.of(id))
  }

  readonly carry = (parcel: Placement.Parcel): void => {
    const { address, tag } = parcel
    const rpc = this.region.protocolOf(address.type)?.requests.get(tag)
    if (rpc === undefined) {
      return parcel.refuse(new ActorError.ActorNotRegistered({ address, registered: [] }))
    }
    const codec = codecOf(rpc as unknown as Rpc.AnyWithProps)
    const encoded = codec.encode(parcel.payload)
    if (Either.isLeft(encoded)) {
      const wrong = { address, tag, part: "payload", issue: encoded.left } as const
      return parcel.refuse(new ActorError.MessageInvalid(wrong))
    }
    const shard = this.region.shards.of(address.id)
    this.route({ parcel, payload: encoded.right, shard, order: ++this.carried })
  }

  readonly watch = (
    address: ActorAddress.ActorAddress,
    notify: (terminated: DeathWatch.Terminated) => void
  ): () => void => {
    const { shards, watchHere } = this.region
    const { watchesMax: max } = DeathWatch
    if (this.watches >= max) {
      throw new ActorError.LimitExceeded({ address, limit: "watchesMax", max })
    }
    this.watches++
    const watch = new RemoteWatch({ address, notify, watchHere, onOver: () => this.watches-- })
    const shard = shards.of(address.id)
    this.route({ parcel: watch, payload: undefined, shard, order: ++this.carried })
    return () => watch.cancel()
  }

  /** Messages that their node did not take: they wait, with what is queued behind them. */
  readonly elsewhere = (messages: ReadonlyArray<Outgoing>): void => {
    const shards = new Set(messages.map(({ shard }) => shard))
    for (const shard of shards) this.holders.delete(shard)
    const behind = [...this.peers.values()].flatMap((peer) =>
      peer.withdraw((shard) => shards.has(shard))
    )
    const waiting = [...shards].flatMap((shard) => this.unhold(shard))
    // What waits may be older than what is queued, and newer.
    const all = [...messages, ...behind, ...waiting].sort((a, b) => a.order - b.order)
    for (const outgoing of all) this.hold(outgoing)
    this.region.lookAgain()
  }

  /** The peer of a session; made where there is none. */
  readonly peerOf = (member: { readonly address: string; readonly session: string }): Peer => {
    const known = this.peers.get(member.session)
    if (known !== undefined && !known.closed) return known
    const peer = new Peer({ ...this.region.office, elsewhere: this.elsewhere }, member)
    this.peers.set(member.session, peer)
    this.region.open(peer)
    return peer
  }

  /** Who is a member and who holds what, as the store says. Gives the sessions that are over. */
  see(view: View): ReadonlyArray<string> {
    this.members = new Map(view.members.map((member) => [member.session, member]))
    this.holders = new Map()
    for (const [name, session] of view.holders) {
      const shard = this.region.shards.numberOf(name)
      if (shard !== undefined && this.isMember(session)) this.holders.set(shard, session)
    }
    const over: Array<string> = []
    for (const [session, peer] of this.peers) {
      if (this.isMember(session)) continue
      this.peers.delete(session)
      over.push(session)
      this.elsewhere(peer.close("its lease ran out"))
    }
    this.flush()
    return over
  }

  /** A peer has given up all that went to it by a link. */
  broken(peer: Peer, link: number): void {
    if (peer.link === link) this.elsewhere(peer.close("it has given up its link"))
  }

  /** Brings what waits on its way, where that is known by now; gives up what waits too long. */
  flush(): void {
    const { holdMillis, now } = this.region
    const oldest = now() - holdMillis
    for (const shard of Array.from(this.held.keys())) {
      for (const held of this.unhold(shard)) {
        const { parcel } = held
        if (!parcel.isOpen) continue
        if (held.since > oldest) this.route(held, held.since)
        else {
          const { address, tag } = parcel
          const detail = `no node has held its shard for ${holdMillis} ms`
          parcel.refuse(new ActorError.NotDelivered({ address, tag, detail }))
        }
      }
    }
  }

  /** Whether no peer is to be sent anything any more. */
  get isEmpty(): boolean {
    return [...this.peers.values()].every(({ isEmpty }) => isEmpty)
  }

  /** How many messages wait for a holder of their shard. */
  get waiting(): number {
    return this.heldCount
  }

  private isMember(session: string): boolean {
    return (this.members.get(session)?.leaseLeft ?? 0) > 0
  }

  private route(outgoing: Outgoing, since?: number): void {
    const { shard } = outgoing
    if (this.held.has(shard)) return this.hold(outgoing, since)
    if (this.region.holds(shard)) {
      for (const { parcel } of this.queuedElsewhere(shard, undefined)) {
        if (parcel.isOpen) parcel.redeliver()
      }
      return outgoing.parcel.redeliver()
    }
    const session = this.holders.get(shard)
    const member = session === undefined ? undefined : this.members.get(session)
    if (member === undefined || session === this.region.self.session) {
      return this.hold(outgoing, since)
    }
    const peer = this.peerOf(member)
    for (const queued of this.queuedElsewhere(shard, peer)) peer.offer(queued)
    peer.offer(outgoing)
  }

  /** What is queued still for the node that a shard has moved away from: it goes first. */
  private queuedElsewhere(shard: number, peer: Peer | undefined): ReadonlyArray<Outgoing> {
    const before = this.wentTo.get(shard)
    if (before === peer) return []
    if (peer === undefined) this.wentTo.delete(shard)
    else this.wentTo.set(shard, peer)
    return before?.withdraw((other) => other === shard) ?? []
  }

  private hold(outgoing: Outgoing, since = this.region.now()): void {
    const { heldMax, lookAgain } = this.region
    if (this.heldCount >= heldMax) {
      const { parcel, parcel: { address, tag } } = outgoing
      const detail = `${heldMax} messages wait for shards that no node holds`
      return parcel.refuse(new ActorError.NotDelivered({ address, tag, detail }))
    }
    const waiting = this.held.get(outgoing.shard)
    const held: Held = { ...outgoing, since }
    this.heldCount++
    if (waiting === undefined) {
      this.held.set(outgoing.shard, [held])
      lookAgain()
    } else waiting.push(held)
    outgoing.parcel.taken()
  }

  private unhold(shard: number): ReadonlyArray<Held> {
    const waiting = this.held.get(shard) ?? []
    this.held.delete(shard)
    this.heldCount -= waiting.length
    return waiting
  }
}
