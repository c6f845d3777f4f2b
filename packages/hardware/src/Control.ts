/**
 * The control socket of a node: whoever reaches it can list, read, command and watch the node's
 * devices, as `plantd device` does. This file composes; what can be asked is in `NodeControl`.
 */
import type { ActorSystem } from "@plantd/actors"
import { Context, Layer } from "effect"
import * as ControlDoor from "./ControlDoor.ts"
import { isEmergency, operations } from "./internal/controlOperations.ts"
import type { Served } from "./internal/controlPlaces.ts"
import { NodeControl } from "./NodeControl.ts"
import type { Transport, TransportError } from "./Transport.ts"

export type { Served }

/** Which devices can be operated, and where. */
export interface Options {
  /** The node's name, by which operators choose it. */
  readonly node: string
  /**
   * `ipc://path` in a directory of one user alone, or loopback TCP, which every user of the machine
   * can reach: peers are not authenticated.
   */
  readonly endpoint: string
  /** Those of this node, by type. An id that is there twice throws. */
  readonly devices: ReadonlyArray<Served>
  readonly settings?: Partial<ControlDoor.Settings>
}

/** The control of this node. */
export class Control extends Context.Tag("@plantd/hardware/Control")<
  Control,
  ControlDoor.Door
>() {}

/** Serves the control of a node until the layer is released. */
export const layer = (
  options: Options
): Layer.Layer<Control, TransportError, ActorSystem | Transport> =>
  Layer.suspend(() => {
    checkIds(options.devices)
    const actor = NodeControl.toLayer(operations(options.node, options.devices), {
      concurrency: "unbounded"
    })
    const door = Layer.scoped(
      Control,
      ControlDoor.open({
        actor: NodeControl,
        id: options.node,
        endpoint: options.endpoint,
        isUrgent: isEmergency(options.devices),
        ...options.settings === undefined ? {} : { settings: options.settings }
      })
    )
    return Layer.provideMerge(door, actor)
  })

const checkIds = (devices: ReadonlyArray<Served>): void => {
  const ids = devices.flatMap((served) => served.ids)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new TypeError(`Control.layer: device ${twice} is there twice`)
}
