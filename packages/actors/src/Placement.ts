/**
 * Where actors live: the port by which the systems of many processes become one. A cluster says of
 * each actor whether it lives here, and carries the messages for those that do not; the engine does
 * the rest, alike for both. Without a placement every actor lives here.
 */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import { Effect, type Exit, type Scope } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import type { AskError, TellError } from "./ActorError.ts"
import { type ActorSystemService, defaults, type Settings } from "./ActorSystem.ts"
import type { Terminated } from "./DeathWatch.ts"
import { makeHostedSystem } from "./internal/engine/hostedSystem.ts"

/**
 * A message for an actor that lives elsewhere. Whoever carries it brings it to one end, and says
 * before a handler may see it that it is `begun`: what is given up later is then unknown, and not
 * undone.
 */
export interface Parcel {
  readonly address: ActorAddress
  readonly tag: string
  /** Decoded, as its sender gave it; encoded where it is carried a second time. */
  readonly payload: unknown
  readonly asks: boolean
  /** When its asker stops waiting, by `ActorSystem.engine.now`; infinite for a tell. */
  readonly deadline: number
  /** Grows from one message to the next that its node sends, also where it was sent before. */
  readonly order: number
  /** False once it has come to its end, whoever brought it there. */
  readonly isOpen: boolean
  /** A handler may have begun it from now on. */
  readonly begin: () => void
  /** It has provably reached no handler. */
  readonly unbegin: () => void
  /** Taken, of a tell: its sender goes on. */
  readonly taken: () => void
  /** The answer, of an ask. */
  readonly answer: (exit: Exit.Exit<unknown, unknown>) => void
  /** Brings it to its end without a handler having seen it. */
  readonly refuse: (error: TellError) => void
  /** Brings it to its end, with or without one. */
  readonly fail: (error: AskError) => void
  /** Delivers it anew, as its sender did: here, where its actor lives here by now. */
  readonly redeliver: () => void
  /** Called once where its sender stopped waiting before it came to its end. */
  onGone: (() => void) | undefined
}

/** Says where actors live, and carries messages. Plain code: it is asked for each message. */
export interface Placement {
  /** How this node is called: its address. */
  readonly node: string
  readonly isHere: (type: string, id: string) => boolean
  /**
   * Whether a message goes straight to its actor: it lives here, and no message that was sent
   * before is on its way to it still. `carry` takes all others.
   */
  readonly isDirect: (type: string, id: string) => boolean
  /** Whether this node may run an actor still, also where it is moving away. */
  readonly hasLease: (type: string, id: string) => boolean
  /** Takes a message over; it never throws. */
  readonly carry: (parcel: Parcel) => void
  /**
   * Calls `notify` once, when an actor ends to which no message goes straight, or at once; the
   * result ends the watch. It may throw `LimitExceeded`.
   */
  readonly watch: (
    address: ActorAddress,
    notify: (terminated: Terminated) => void
  ) => () => void
  /** Run before a type of actors is closed: its actors may still move to another node. */
  readonly beforeClose: Effect.Effect<void>
}

/** A message from elsewhere. */
export interface Received {
  readonly address: ActorAddress
  readonly tag: string
  /** Decoded. */
  readonly payload: unknown
  /** When its asker stops waiting, by `ActorSystem.engine.now`; infinite for a tell. */
  readonly deadline: number
  /** Of one that this node has sent before, as its parcel said. */
  readonly order?: number
  /** Takes the answer, of an ask, and of a tell whether it was taken. */
  readonly onEnd: (exit: Exit.Exit<unknown, unknown>) => void
  /**
   * Told instead where its actor moves away, and no handler has seen it. Where nobody is to be
   * told, it follows its actor, and `order` must be there.
   */
  readonly onMoved?: () => void
}

/** A system that hosts the actors that its placement says live here. */
export interface HostedSystem {
  readonly service: ActorSystemService
  /** Actors may live here from now on that did not before: what waits for them is looked after. */
  readonly gained: () => void
  /** Hands a message to its actor here, whatever the placement says; the result takes it back. */
  readonly receive: (message: Received) => () => void
  /** The protocol of a type, where a behaviour or a client of it was made here. */
  readonly protocolOf: (type: string) => RpcGroup.RpcGroup<Rpc.Any> | undefined
  /** Whether a behaviour of the type is registered here. */
  readonly hasType: (type: string) => boolean
  /** The types that it has behaviours of. */
  readonly types: () => ReadonlyArray<string>
  /** The actors that are alive here. */
  readonly residents: () => ReadonlyArray<ActorAddress>
  /**
   * Ends the actors that live elsewhere from now on, as `moved`. What they have taken is handled
   * first, for at most `withinMillis`; what is left then goes where they live.
   */
  readonly release: (
    concerns: (address: ActorAddress) => boolean,
    options: { readonly withinMillis: number }
  ) => Effect.Effect<void>
  /**
   * Ends actors at once, as `moved`: the right to run them here is gone. Messages at hand are
   * interrupted, and finalizers run.
   */
  readonly revoke: (concerns: (address: ActorAddress) => boolean) => Effect.Effect<void>
}

/** A system on a placement, which lives until the scope closes. */
export const host = (
  placement: Placement,
  settings: Partial<Settings> = {}
): Effect.Effect<HostedSystem, never, Scope.Scope> =>
  makeHostedSystem({ ...defaults, ...settings }, placement)
