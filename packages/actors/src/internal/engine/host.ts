/** What the engine of an actor needs of its system and of its type. */
import type { Buggify } from "@plantd/core"
import type { Clock } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { StopReason } from "../../ActorError.ts"
import type { LifecycleEvent } from "../../LifecycleEvent.ts"
import type { Cell } from "./cell.ts"
import type { Dispatcher } from "./dispatcher.ts"
import type { OnTerminated } from "./onlookers.ts"
import type { PostOffice } from "./postbox.ts"
import type { Registration } from "./registration.ts"
import type { Workers } from "./workers.ts"

/** A system, as its actors see it. */
export interface Host extends PostOffice {
  /** How this node is called. */
  readonly node: string
  readonly clock: Clock.Clock
  readonly dispatcher: Dispatcher
  readonly fires: Buggify.Fires
  /** How many messages were handed to a handler; cells count here. */
  handled: number
  /** Grows from one actor to the next: the order in which they were started. */
  readonly nextSerial: () => number
  readonly random: () => number
  /** Whether this node may run an actor still. */
  readonly hasLease: (address: ActorAddress) => boolean
  readonly publish: (event: LifecycleEvent) => void
  readonly watch: (target: ActorAddress, notify: OnTerminated) => () => void
}

/** A type of actor, as its actors see it. */
export interface Species {
  readonly registration: Registration
  readonly workers: Workers
  /** Whether the type, or its system, is shutting down: nobody is started any more. */
  readonly closing: boolean
  /** Grows with each sweep for idle actors. */
  readonly sweep: number
  /** The cell has come to its end and takes no more messages. */
  readonly onEnded: (cell: Cell, reason: StopReason, lastCrash: string | undefined) => void
}
