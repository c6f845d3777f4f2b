/** A small device for tests: a pump, its driver over a plant of variables, and its layers. */
import { Attribute, Command, Device, Driver, Link } from "@plantd/hardware"
import { Effect, Schema } from "effect"

export const Pump = Device.make("Pump", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: {
    flow: Attribute.number({
      unit: "L/s",
      range: [0, 10],
      deadband: { absolute: 0.1 },
      maxAge: "2 seconds"
    }),
    speed: Attribute.number({ unit: "rpm", range: [0, 3_000], access: "read-write" }),
    label: Attribute.string(),
    leaking: Attribute.boolean()
  },
  commands: {
    prime: Command.make({
      payload: { seconds: Schema.Number },
      success: Schema.Boolean,
      effect: "pulse",
      allowedIn: ["ready", "priming"],
      timeout: "2 seconds"
    }),
    crash: Command.make({ effect: "pulse" }),
    stop: Command.make({ effect: "set", lane: "emergency" })
  },
  states: ["ready", "priming", "fault"]
})

/** A failure of the pump's own. */
class Dry extends Schema.TaggedError<Dry>()("Dry", {}) {
  override get message(): string {
    return "no water"
  }
}

/** What the pump is, for drivers to read and write. */
export const makePlant = () => ({
  flow: 1,
  speed: 0,
  label: "P-1",
  state: "ready" as "ready" | "priming" | "fault",
  primed: 0,
  stopped: 0,
  /** What a write or a `prime` waits for before it acts. */
  gate: Effect.void
})

export type Plant = ReturnType<typeof makePlant>

export const handlersOf = (plant: Plant) => ({
  read: {
    flow: Effect.sync(() => plant.flow),
    speed: Effect.sync(() => plant.speed),
    label: Effect.sync(() => plant.label),
    leaking: Effect.fail("the sensor is broken"),
    state: Effect.sync(() => plant.state)
  },
  write: {
    speed: (value: number) =>
      Effect.zipRight(
        plant.gate,
        value === 13
          ? Driver.refuse("state", "13 is unlucky")
          : Effect.sync(() => {
            plant.speed = value
          })
      )
  },
  commands: {
    prime: ({ seconds }: { readonly seconds: number }) =>
      Effect.zipRight(
        plant.gate,
        seconds < 0 ? Effect.fail(new Dry()) : Effect.sync(() => {
          plant.primed++
          return seconds > 1
        })
      ),
    crash: () => Effect.dieMessage("a bug in the driver"),
    stop: () =>
      Effect.sync(() => {
        plant.stopped++
      })
  }
})

export interface ServeOptions {
  readonly device?: string
  readonly commands?: string
  readonly telemetry?: string
  readonly onSilence?: Driver.OnSilence<never>
  readonly goodbyeMillis?: number
}

/** Serves a pump; on ports that the system chooses where nothing is said. */
export const serve = (plant: Plant, options: ServeOptions = {}) =>
  Driver.serve(Pump, handlersOf(plant), {
    device: options.device ?? "p-1",
    commands: options.commands ?? "tcp://127.0.0.1:*",
    telemetry: options.telemetry ?? "tcp://127.0.0.1:*",
    settings: { goodbyeMillis: options.goodbyeMillis ?? 0 },
    ...(options.onSilence === undefined ? {} : { onSilence: options.onSilence })
  })

export const pumpLayer = (endpoints: { readonly commands: string; readonly telemetry: string }) =>
  Pump.toLayer({ link: ({ config }) => Link.zmq(config), config: () => endpoints })
