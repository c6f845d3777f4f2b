/**
 * The control socket of a node: whoever reaches it can list, read, command and watch the node's
 * devices, as `plantd device` does; in a cluster those that it knows, on whichever node they are.
 * This file composes; what can be asked is in `NodeControl`.
 */
import { ActorSystem } from "@plantd/actors"
import { Context, Effect, Layer } from "effect"
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

/** The devices that the parts of a node offer to operators, in the order in which they did. */
export class Offers extends Context.Tag("@plantd/hardware/Control/Offers")<
  Offers,
  {
    readonly all: () => ReadonlyArray<Served>
    /** Throws where a device is offered already. */
    readonly add: (served: Served) => void
  }
>() {
  /** Nothing is offered yet. */
  static readonly layer: Layer.Layer<Offers> = Layer.sync(Offers, () => {
    const all: Array<Served> = []
    return {
      all: () => all,
      add: (served) => {
        checkIds([...all, served])
        all.push(served)
      }
    }
  })
}

/**
 * Offers devices to the operators of a node, by one of its modules. In a cluster all nodes have the
 * same modules, and each offers them all: a client finds the node on which a device is.
 */
export const offer = (served: Served): Layer.Layer<never, never, Offers> =>
  Layer.effectDiscard(Effect.map(Offers, ({ add }) => add(served)))

/** Serves the control of a node until the layer is released. */
export const layer = (
  options: Options
): Layer.Layer<Control, TransportError, ActorSystem | Transport> =>
  Layer.unwrapEffect(Effect.map(ActorSystem, (system) => served(options, system)))

const served = (
  options: Options,
  system: ActorSystem["Type"]
): Layer.Layer<Control, TransportError, Transport> =>
  Layer.suspend(() => {
    checkIds(options.devices)
    const actor = NodeControl.toLayer(
      Effect.provideService(operations(options.node, options.devices), ActorSystem, system),
      { concurrency: "unbounded" }
    )
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
    // In a system of its own: a cluster would give the actor behind this door to another node.
    return Layer.provide(Layer.provideMerge(door, actor), Layer.fresh(ActorSystem.layer))
  })

const checkIds = (devices: ReadonlyArray<Served>): void => {
  const ids = devices.flatMap((served) => served.ids)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw new TypeError(`device ${twice} is offered twice`)
}
