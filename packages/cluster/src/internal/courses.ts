/**
 * In which order messages leave: those for one shard go one way at a time. Before the first goes
 * another way, the node that they went to so far is asked whether it gives any of them back; until
 * it has answered they wait. What is given back after that would come behind later ones: it is
 * refused. So messages of one sender to one actor keep their order, wherever it moves.
 */
import { ActorError } from "@plantd/actors"
import { recallKind } from "./letters.ts"
import type { Outgoing, Peer } from "./peer.ts"
import { RemoteWatch } from "./remoteWatch.ts"

/** Where the messages for a shard go: to a session of another node, or to actors here. */
export type Way = Peer | "here"

/** How many tries of a batch may be lost before a recall is given up. */
const recallTries = 2

/** What the courses need of their router. */
export interface Roads {
  /** Where the messages for a shard are to go now; nothing where that is not known. */
  readonly wayOf: (shard: number) => Way | undefined
  readonly shards: number
  readonly now: () => number
  readonly nextNumber: () => number
  /** The most messages that wait. */
  readonly heldMax: number
  /** How long a message may wait for a holder of its shard. */
  readonly holdMillis: number
  /** How long one try to bring a batch to a node may take. */
  readonly attemptMillis: number
  /** It is to be found out soon who holds what. */
  readonly lookAgain: () => void
}

interface Course {
  readonly way: Way
  /** The order of the first message that went to this session, or here; 0 for the first way. */
  readonly begun: number
  /** The order of the newest message that went this way; not kept for actors here. */
  latest: number
}

interface Held extends Outgoing {
  readonly since: number
}

/** Sends messages, each behind those for its shard that were sent before. */
export class Courses {
  private readonly roads: Roads
  private readonly courses = new Map<number, Course>()
  /** Until when the node that a shard has left may say what it gives back. */
  private readonly recalls = new Map<number, number>()
  /** What waits, by shard, in the order in which it was sent. */
  private readonly held = new Map<number, Array<Held>>()
  /** 1 for a shard whose messages do not go straight to its actors here. */
  private readonly bent: Uint8Array
  private heldCount = 0

  constructor(roads: Roads) {
    this.roads = roads
    this.bent = new Uint8Array(roads.shards)
  }

  /** Whether nothing that was sent to actors of a shard before is still on its way to them. */
  isStraight(shard: number): boolean {
    return this.bent[shard] === 0
  }

  /** How many messages wait. */
  get waiting(): number {
    return this.heldCount
  }

  /** Sends a message, or has it wait. */
  take(outgoing: Outgoing): void {
    const { shard } = outgoing
    if (this.isOvertaken(outgoing, "here")) return refuse(outgoing, overtaken)
    if (this.held.has(shard)) {
      this.hold(outgoing)
      this.advance(shard)
      return
    }
    const way = this.openWay(shard, outgoing.parcel.order)
    if (way === undefined) this.hold(outgoing)
    else this.send([outgoing], shard, way)
  }

  /** Messages that a node has not taken: they wait, with what is queued behind them. */
  takeBack(messages: ReadonlyArray<Outgoing>, peer: Peer): void {
    for (const outgoing of messages) this.holdAnew(outgoing, peer)
    for (const shard of new Set(messages.map(({ shard }) => shard))) this.recallOnce(shard, peer)
  }

  /** A message that a node had taken, and gives back: more may follow. */
  givenBack(outgoing: Outgoing, peer: Peer): void {
    this.recallOnce(outgoing.shard, peer)
    // With its actor it did not wait for a way.
    this.holdAnew({ ...outgoing, since: this.roads.now() }, peer)
  }

  /** A node has given back all that it gives back of a shard. */
  recalled(shard: number, number: number, peer: Peer): void {
    if (peer.recalling.get(shard) !== number) return
    peer.recalling.delete(shard)
    this.advance(shard)
  }

  /** Sends what waits, where its way is known by now; gives up what waits too long. */
  flush(): void {
    const { holdMillis, now } = this.roads
    const oldest = now() - holdMillis
    for (const shard of Array.from(this.held.keys())) {
      this.advance(shard)
      const waiting = this.held.get(shard) ?? []
      if (waiting.every(({ parcel, since }) => parcel.isOpen && since > oldest)) continue
      for (const held of this.unhold(shard)) {
        if (held.since <= oldest) refuse(held, `no way to its actor was open for ${holdMillis} ms`)
        else if (held.parcel.isOpen) this.hold(held)
      }
    }
    if (this.held.size > 0) this.roads.lookAgain()
  }

  /** Sends what waits for a shard, where its way is known and open. */
  private advance(shard: number): void {
    const first = this.held.get(shard)?.[0]
    const way = first === undefined ? undefined : this.openWay(shard, first.parcel.order)
    if (way !== undefined) this.send(this.unhold(shard), shard, way)
  }

  private send(messages: ReadonlyArray<Outgoing>, shard: number, way: Way): void {
    const course = this.courses.get(shard)
    this.bent[shard] = way === "here" ? 0 : 1
    for (const outgoing of messages) {
      const { parcel } = outgoing
      if (!parcel.isOpen) continue
      if (way === "here") parcel.redeliver()
      else {
        if (course !== undefined) course.latest = Math.max(course.latest, parcel.order)
        way.offer(outgoing)
      }
    }
  }

  /** Where the messages for a shard go from `order` on; nothing where they are to wait. */
  private openWay(shard: number, order: number): Way | undefined {
    const way = this.roads.wayOf(shard)
    // What it gives back comes first, however long that takes: there is no other way.
    if (way === undefined || (way !== "here" && way.recalling.has(shard))) return undefined
    const course = this.courses.get(shard)
    if (course?.way !== way) {
      if (course !== undefined && !this.hasRecalled(shard, course.way)) return undefined
      const isFirst = course === undefined
      const begun = isFirst ? 0 : isSame(course.way, way) ? course.begun : order
      this.courses.set(shard, { way, begun, latest: 0 })
    }
    this.recalls.delete(shard)
    return way
  }

  private hasRecalled(shard: number, former: Way): boolean {
    // What went by a closed link comes back by no recall; where it comes late, it is refused.
    if (former === "here" || former.closed) return true
    const { attemptMillis, now } = this.roads
    const until = this.recalls.get(shard)
    if (until !== undefined) return !former.recalling.has(shard) || now() >= until
    this.recalls.set(shard, now() + recallTries * attemptMillis)
    // Also where it was asked before: it may have given more back since it has answered that.
    this.recall(shard, former)
    return false
  }

  private recallOnce(shard: number, peer: Peer): void {
    if (!peer.closed && !peer.recalling.has(shard)) this.recall(shard, peer)
  }

  private recall(shard: number, peer: Peer): void {
    const number = this.roads.nextNumber()
    peer.recalling.set(shard, number)
    this.unqueue(shard, peer)
    peer.tell([recallKind, number, shard])
  }

  private unqueue(shard: number, peer: Peer): void {
    for (const outgoing of peer.withdraw((other) => other === shard)) this.hold(outgoing)
  }

  private holdAnew(outgoing: Outgoing, from: Peer): void {
    if (this.isOvertaken(outgoing, from)) refuse(outgoing, overtaken)
    else this.hold(outgoing)
  }

  /** Whether a later message has gone another way than the one which a message comes back from. */
  private isOvertaken({ parcel, shard }: Outgoing, from: Way): boolean {
    const course = this.courses.get(shard)
    if (course === undefined || parcel instanceof RemoteWatch) return false
    // What is newer went there after it had come back.
    if (isSame(course.way, from)) return parcel.order < course.begun
    return course.way === "here" || parcel.order < course.latest
  }

  private hold(outgoing: Outgoing): void {
    const { heldMax, lookAgain, now } = this.roads
    const { parcel, shard } = outgoing
    if (this.heldCount >= heldMax) {
      return refuse(outgoing, `${heldMax} messages wait here for a way to their actors`)
    }
    // It stays the same, however often a message has to wait.
    const held: Held = { ...outgoing, since: outgoing.since ?? now() }
    this.heldCount++
    this.bent[shard] = 1
    const waiting = this.held.get(shard)
    if (waiting === undefined) {
      this.held.set(shard, [held])
      lookAgain()
    } else waiting.splice(placeOf(parcel.order, waiting), 0, held)
    parcel.taken()
  }

  private unhold(shard: number): ReadonlyArray<Held> {
    const waiting = this.held.get(shard) ?? []
    this.held.delete(shard)
    this.heldCount -= waiting.length
    return waiting
  }
}

const overtaken = "it was given back after later ones had gone where its actor lives now"

/** Whether two ways lead to the same session; its link may have been made anew. */
const isSame = (one: Way, other: Way): boolean =>
  one === other || (one !== "here" && other !== "here" && one.session === other.session)

/** Behind the last that is not newer. */
const placeOf = (order: number, waiting: ReadonlyArray<Held>): number => {
  let [from, to] = [0, waiting.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((waiting[middle]?.parcel.order ?? 0) > order) to = middle
    else from = middle + 1
  }
  return from
}

const refuse = ({ parcel, parcel: { address, tag } }: Outgoing, detail: string): void =>
  parcel.refuse(new ActorError.NotDelivered({ address, tag, detail }))
