/** A tell that a node had taken in, and gives back: its sender was told that it is on its way. */
import type { Rpc } from "@effect/rpc"
import type { ActorAddress, Placement } from "@plantd/actors"
import { codecOf } from "@plantd/actors/MessageCodec"
import { Either } from "effect"
import type { Letter, returnedKind } from "./letters.ts"

type ReturnedLetter = Extract<
  Letter,
  readonly [kind: typeof returnedKind, ...rest: Array<unknown>]
>

/** One tell; where it comes to its end unhandled, it is a dead letter. */
export class ReturnedTell implements Placement.Parcel {
  readonly address: ActorAddress.ActorAddress
  readonly tag: string
  readonly order: number
  /** Encoded, as it came: it is not encoded anew. */
  readonly payload: unknown
  readonly asks = false
  readonly deadline = Number.POSITIVE_INFINITY
  onGone: (() => void) | undefined = undefined
  isOpen = true
  private readonly hosted: Placement.HostedSystem

  constructor(hosted: Placement.HostedSystem, [, order, type, id, tag, payload]: ReturnedLetter) {
    this.hosted = hosted
    this.address = { type, id }
    this.tag = tag
    this.order = order
    this.payload = payload
  }

  begin(): void {}

  unbegin(): void {}

  taken(): void {}

  answer(): void {}

  refuse(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.hosted.service.engine.deadLetter(this.address, this.tag, "undelivered")
  }

  fail(): void {
    this.refuse()
  }

  /** Its actor lives here by now. */
  redeliver(): void {
    const { address, deadline, hosted, isOpen, order, payload, tag } = this
    if (!isOpen) return
    const rpc = hosted.protocolOf(address.type)?.requests.get(tag)
    const decoded = rpc === undefined
      ? undefined
      : codecOf(rpc as unknown as Rpc.AnyWithProps).decode(payload)
    if (decoded === undefined || Either.isLeft(decoded)) return this.refuse()
    this.isOpen = false
    const onEnd = () => {}
    hosted.receive({ address, tag, payload: decoded.right, deadline, order, onEnd })
  }
}
