/** A valve, its driver and its actor in one process, on a network that can be broken. */
import { ActorSystem } from "@plantd/actors"
import {
  Attribute,
  Command,
  type CommandStatus,
  Device,
  DeviceStore,
  Driver,
  Link
} from "@plantd/hardware"
import { Context, Effect, Layer, Schema } from "effect"
import { inTime, until } from "./peers.ts"
import { endpoints } from "./rig.ts"
import { SimulatedNetwork } from "@plantd/hardware/SimulatedNetwork"

/** A valve whose driver does what it is told, and tells nobody where its answers are cut off. */
export const Valve = Device.make("Valve", {
  attributes: {
    opening: Attribute.number({
      unit: "%",
      range: [0, 100],
      access: "read-write",
      tolerance: 0.5,
      settle: "300 millis"
    }),
    turned: Attribute.boolean(),
    level: Attribute.number({ unit: "m" })
  },
  commands: {
    turn: Command.make({
      payload: { times: Schema.Int },
      success: Schema.Int,
      effect: "pulse",
      verify: "turned",
      timeout: "1 second"
    }),
    knock: Command.make({ effect: "pulse", timeout: "1 second" }),
    count: Command.make({ success: Schema.Int, effect: "read", timeout: "2 seconds" }),
    close: Command.make({ effect: "set", lane: "emergency" })
  },
  states: ["shut", "open"],
  interlocks: [
    {
      id: "flood",
      when: { attribute: "level", above: 3 },
      blocks: ["write.opening", "turn"],
      onTrip: "close"
    }
  ]
})

export const makePlant = () => ({
  opening: 0,
  turned: false,
  turns: 0,
  knocks: 0,
  counts: 0,
  closed: 0,
  level: 1,
  written: [] as Array<number>,
  gate: Effect.void,
  /** False where writes get lost in the hardware. */
  obeys: true
})
export type Plant = ReturnType<typeof makePlant>

const handlersOf = (plant: Plant) => ({
  read: {
    opening: Effect.sync(() => plant.opening),
    turned: Effect.sync(() => plant.turned),
    level: Effect.sync(() => plant.level),
    state: Effect.sync(() => plant.opening > 0 ? "open" as const : "shut" as const)
  },
  write: {
    opening: (value: number) =>
      Effect.zipRight(
        plant.gate,
        Effect.sync(() => {
          plant.written.push(value)
          if (plant.obeys) plant.opening = value
        })
      )
  },
  commands: {
    turn: ({ times }: { readonly times: number }) =>
      Effect.sync(() => {
        plant.turned = plant.obeys
        return plant.turns += times
      }),
    knock: () => Effect.sync(() => void plant.knocks++),
    count: () => Effect.sync(() => ++plant.counts),
    close: () => Effect.sync(() => void plant.closed++)
  }
})

export const nodeOn = (store: Context.Context<DeviceStore>) =>
  Effect.gen(function*() {
    const context = yield* Layer.build(
      Valve.toLayer({ link: () => Link.zmq(endpoints) }).pipe(
        Layer.provideMerge(ActorSystem.layer),
        Layer.provide(Layer.succeedContext(store))
      )
    )
    const system = Context.get(context, ActorSystem)
    const valve = (yield* Effect.provide(Valve.client, context))("v-1")
    return { system, valve }
  })

export const online = (valve: { readonly link: Effect.Effect<{ state: string }, unknown> }) =>
  inTime("it is online", Effect.map(valve.link, ({ state }) => state === "online"))

export const rig = Effect.gen(function*() {
  const plant = makePlant()
  const driver = yield* Driver.serve(Valve, handlersOf(plant), {
    device: "v-1",
    ...endpoints,
    settings: { goodbyeMillis: 0 }
  })
  const store = yield* Layer.build(DeviceStore.layerMemory)
  const { system, valve } = yield* nodeOn(store)
  yield* online(valve)
  yield* until("level", Effect.map(valve.snapshot, ({ level }) => level.quality === "good"))
  const network = yield* SimulatedNetwork
  return { plant, driver, store, system, valve, network }
})

export type Valves = ReturnType<Effect.Effect.Success<typeof Valve.client>>

export const settledAs = (
  valve: { readonly journal: Device.Journal },
  id: string,
  state: CommandStatus.CommandStatus["state"]
) =>
  inTime(
    `${id} is ${state}`,
    Effect.map(valve.journal.outcome(id), (status) => status.state === state)
  )
