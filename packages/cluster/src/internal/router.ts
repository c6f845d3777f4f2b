/**
 * Where messages go: to an actor here, to the node that holds the lease of its shard, or nowhere as
 * long as nobody holds it; then they wait. Messages for one shard keep their order.
 */
import type { Rpc } from "@effect/rpc"
import { type ActorAddress, ActorError, DeathWatch, type Placement } from "@plantd/actors"
import { Effect, Either } from "effect"
import type { Member, Session, View } from "../LeaseStore.ts"
import { codecOf } from "@plantd/actors/MessageCodec"
import { Courses, type Way } from "./courses.ts"
import { type Office, type Outgoing, Peer } from "./peer.ts"
import { RemoteWatch } from "./remoteWatch.ts"
import type { ShardMap } from "./shardMap.ts"

/** What a router needs of its node. */
export interface Region {
  readonly shards: ShardMap
  readonly self: Session
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

/** Sends messages where their actors live. */
export class Router implements Placement.Placement {
  private readonly region: Region
  private readonly peers = new Map<string, Peer>()
  private readonly courses: Courses
  /** Of the last message that was carried. */
  private order = 0
  private watches = 0
  private members = new Map<string, Member>()
  private holders = new Map<number, string>()

  constructor(region: Region) {
    this.region = region
    const { heldMax, holdMillis, lookAgain, now, office, shards } = region
    const { attemptMillis, nextNumber } = office
    this.courses = new Courses({
      attemptMillis,
      heldMax,
      holdMillis,
      lookAgain,
      nextNumber,
      now,
      shards: shards.count,
      wayOf: (shard) => this.wayOf(shard)
    })
  }

  get node(): string {
    return this.region.self.address
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

  readonly isDirect = (_type: string, id: string): boolean => {
    const { holds, shards } = this.region
    const shard = shards.of(id)
    return this.courses.isStraight(shard) && holds(shard)
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
    this.order = Math.max(this.order, parcel.order)
    this.courses.take({ parcel, payload: encoded.right, shard })
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
    const onOver = () => this.watches--
    const { order } = this
    const parcel = new RemoteWatch({ address, order, notify, watchHere, onOver })
    this.courses.take({ parcel, payload: undefined, shard: shards.of(address.id) })
    return () => parcel.cancel()
  }

  /** Messages that their node did not take: they wait, with what is queued behind them. */
  readonly elsewhere = (messages: ReadonlyArray<Outgoing>, peer: Peer): void => {
    for (const { shard } of messages) this.forget(shard, peer)
    this.courses.takeBack(messages, peer)
    this.region.lookAgain()
  }

  /** A message that a node had taken, and gives back, since its actor moves away from there. */
  readonly givenBack = (outgoing: Outgoing, peer: Peer): void => {
    const { shard } = outgoing
    this.forget(shard, peer)
    // No message from here has such a number.
    if (outgoing.parcel.order > this.order) {
      const { parcel, parcel: { address, tag } } = outgoing
      const detail = `${peer.address} gives back what it was not sent`
      return parcel.refuse(new ActorError.NotDelivered({ address, tag, detail }))
    }
    this.courses.givenBack(outgoing, peer)
  }

  /** A node has given back all that it will give back of a shard. */
  readonly recalled = (shard: number, number: number, peer: Peer): void =>
    this.courses.recalled(shard, number, peer)

  /** The peer of a session; made where there is none. */
  readonly peerOf = (member: Session): Peer => {
    const known = this.peers.get(member.session)
    if (known !== undefined && !known.closed) return known
    const peer = new Peer({ ...this.region.office, elsewhere: this.elsewhere }, member)
    this.peers.set(member.session, peer)
    this.region.open(peer)
    return peer
  }

  /** Whether it has seen no other node whose lease lasts. */
  get isAlone(): boolean {
    const { session: self } = this.region.self
    return [...this.members.keys()].every((session) => session === self || !this.isMember(session))
  }

  /** The peer of a session that is a member. */
  readonly memberPeer = (member: Session): Peer | undefined =>
    this.isMember(member.session) ? this.peerOf(member) : undefined

  /** Who is a member and who holds what, as the store says. Gives the sessions that are over. */
  see(view: View): ReadonlyArray<string> {
    const before = this.holders
    this.members = new Map(view.members.map((member) => [member.session, member]))
    this.holders = new Map()
    for (const [name, session] of view.holders) {
      const shard = this.region.shards.numberOf(name)
      if (shard !== undefined && this.isMember(session)) this.holders.set(shard, session)
    }
    const left = new Set<number>()
    for (const [shard, session] of before) if (this.holders.get(shard) !== session) left.add(shard)
    const over: Array<string> = []
    for (const [session, peer] of this.peers) {
      // It may not be reached, while others reach the one that has its shards by now.
      if (left.size > 0) this.courses.takeBack(peer.withdraw((shard) => left.has(shard)), peer)
      if (this.isMember(session)) peer.leftAt = undefined
      else if (!this.answersStill(session, peer)) {
        this.peers.delete(session)
        over.push(session)
        const why = this.members.has(session) ? "its lease ran out" : "it is no member any more"
        this.courses.takeBack(peer.close(why), peer)
      }
    }
    this.courses.flush()
    return over
  }

  /** A peer has given up all that went to it by a link. */
  broken(peer: Peer, link: number): void {
    if (peer.link === link) this.elsewhere(peer.close("it has given up its link"), peer)
  }

  /** Whether nothing is to be sent any more, to a peer or to nodes that may take its actors. */
  get isEmpty(): boolean {
    const waits = this.courses.waiting > 0
      && [...this.members.values()].some((member) =>
        member.session !== this.region.self.session && member.weight > 0 && !member.draining
        && member.leaseLeft > 0
      )
    return !waits && [...this.peers.values()].every(({ isEmpty }) => isEmpty)
  }

  /** How many messages wait for a way to their actors. */
  get waiting(): number {
    return this.courses.waiting
  }

  /** A node has said that it does not hold a shard. */
  private forget(shard: number, { session }: Peer): void {
    if (this.holders.get(shard) === session) this.holders.delete(shard)
  }

  private isMember(session: string): boolean {
    return (this.members.get(session)?.leaseLeft ?? 0) > 0
  }

  /**
   * Whether what was posted to a node that has left may come back: it answers for a moment, which
   * begins where it is first seen to have left.
   */
  private answersStill(session: string, peer: Peer): boolean {
    if (this.members.has(session) || !peer.isPosting) return false
    const { attemptMillis, now } = this.region.office
    peer.leftAt ??= now()
    return now() - peer.leftAt < attemptMillis
  }

  private wayOf(shard: number): Way | undefined {
    if (this.region.holds(shard)) return "here"
    const session = this.holders.get(shard)
    const member = session === undefined ? undefined : this.members.get(session)
    if (member === undefined || session === this.region.self.session) return undefined
    return this.peerOf(member)
  }
}
