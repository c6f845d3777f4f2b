/**
 * What a driver does to its device, told while it is done, to whoever looks on: the trace of a
 * simulation. A device process tells nobody.
 */
import type { Epoch, Fence } from "@plantd/core"
import { Context } from "effect"
import type { Trouble } from "./internal/driverHandlers.ts"

export type { Trouble }

/** Which device it is. */
export interface Observed {
  /** The name of its definition. */
  readonly type: string
  readonly id: string
}

/** Something that a driver has done. */
export type Deed =
  /** It serves, in an epoch that is newer than any before. */
  | { readonly _tag: "Started"; readonly epoch: Epoch.Epoch }
  /** A node has a session with it. */
  | { readonly _tag: "Greeted"; readonly node: string; readonly fence: Fence.Fence }
  /** The handler of a write or of a command is called. */
  | {
    readonly _tag: "Begun"
    readonly commandId: string
    readonly fence: Fence.Fence
    /** `WRITE speed`, `INVOKE dose`. */
    readonly title: string
    /** The value or the payload, as it came. */
    readonly given: unknown
  }
  /** What is answered to a write or a command that was taken; without trouble where it is done. */
  | {
    readonly _tag: "Ended"
    readonly commandId: string
    readonly title: string
    readonly trouble: Trouble | undefined
  }
  /** A write or a command was asked for again: it is not carried out again. */
  | { readonly _tag: "Repeated"; readonly commandId: string; readonly title: string }
  /** A request was not taken. */
  | {
    readonly _tag: "Refused"
    /** Who asked, and for what, as far as that is known: `WRITE speed`, `HELLO`. */
    readonly node: string | undefined
    readonly title: string | undefined
    readonly commandId: string | undefined
    readonly trouble: Trouble
  }
  /** The device is in its safe state; `why` says what led to it. */
  | { readonly _tag: "MadeSafe"; readonly why: string }
  /** It is not, though it was to be. */
  | { readonly _tag: "NotMadeSafe"; readonly why: string }

/** Hears of each deed at the moment it is done. Plain code, which must not fail. */
export type Observe = (device: Observed, deed: Deed) => void

const ignore: Observe = () => undefined

/** Who looks on; nobody, unless a simulation provides somebody. */
export class DriverObserver extends Context.Reference<DriverObserver>()(
  "@plantd/hardware/DriverObserver",
  { defaultValue: () => ignore }
) {}
