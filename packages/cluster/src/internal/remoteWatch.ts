/** A watch of an actor on another node: it takes the way of a message, in order with others. */
import type { ActorAddress, DeathWatch, Placement } from "@plantd/actors"

/** Who is watched, and who hears of it. */
export interface Watching {
  readonly address: ActorAddress.ActorAddress
  /** Of the message that was sent before it. */
  readonly order: number
  readonly notify: (terminated: DeathWatch.Terminated) => void
  /** Watches an actor of this node. */
  readonly watchHere: Placement.Placement["watch"]
  /** It has ended, or is watched no more. */
  readonly onOver: () => void
}

/** One watch; whoever cannot bring it to the actor's node says that the node is lost. */
export class RemoteWatch implements Placement.Parcel {
  readonly tag = "watch"
  readonly payload = undefined
  readonly asks = true
  readonly deadline = Number.POSITIVE_INFINITY
  onGone: (() => void) | undefined = undefined
  isOpen = true
  private readonly watching: Watching
  private unwatchHere: (() => void) | undefined = undefined

  constructor(watching: Watching) {
    this.watching = watching
  }

  get address(): ActorAddress.ActorAddress {
    return this.watching.address
  }

  get order(): number {
    return this.watching.order
  }

  /** The actor has ended, or is not alive. */
  ended(reason: DeathWatch.Terminated["reason"]): void {
    if (!this.close()) return
    const { address, notify } = this.watching
    notify({ _tag: "Terminated", address, reason })
  }

  /** Nobody waits for its end any more. */
  cancel(): void {
    if (!this.close()) return
    this.unwatchHere?.()
    this.onGone?.()
  }

  begin(): void {}

  unbegin(): void {}

  taken(): void {}

  answer(): void {}

  refuse(): void {
    this.ended("node-lost")
  }

  fail(): void {
    this.ended("node-lost")
  }

  /** Its actor lives here by now. */
  redeliver(): void {
    if (!this.isOpen) return
    const { address, watchHere } = this.watching
    this.unwatchHere = watchHere(address, ({ reason }) => this.ended(reason))
  }

  private close(): boolean {
    const was = this.isOpen
    this.isOpen = false
    if (was) this.watching.onOver()
    return was
  }
}
