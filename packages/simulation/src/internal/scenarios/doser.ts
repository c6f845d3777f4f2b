/** A device that doses: a pulse that is done twice does harm; its model remembers each one. */
import { Attribute, Command, Device, Link } from "@plantd/hardware"
import { Effect, Schema } from "effect"

/** A dosing pump. */
export const Doser = Device.make("Doser", {
  config: Schema.Struct({ commands: Schema.String, telemetry: Schema.String }),
  attributes: { dosed: Attribute.number({ unit: "1", range: [0, 1_000_000] }) },
  commands: {
    dose: Command.make({
      payload: { batch: Schema.String },
      effect: "pulse",
      timeout: "2 seconds"
    })
  }
})

/** What the pumps have done: one entry for each dose, by pump. */
export type Doses = Map<string, Array<string>>

/** How long a dose takes. */
const dosing = "50 millis"

/** Pumps behind a lossy link, and their doses. */
export const dosers = Effect.gen(function*() {
  const doses: Doses = new Map()
  const simulated = yield* Link.simulated(
    Doser,
    (id) =>
      Effect.sync(() => {
        const done: Array<string> = []
        doses.set(id, done)
        return {
          handlers: {
            read: { dosed: Effect.sync(() => done.length) },
            commands: {
              dose: ({ batch }: { readonly batch: string }) =>
                Effect.zipRight(Effect.sleep(dosing), Effect.sync(() => void done.push(batch)))
            }
          }
        }
      }),
    { network: { latencyMillis: { min: 1, max: 20 }, loss: 0.03, duplicate: 0.05 } }
  )
  return { ...simulated, doses }
})

/** What `dosers` gives. */
export type Dosers = Effect.Effect.Success<typeof dosers>

/** The actors of these pumps. */
export const doserActors = ({ link }: Dosers) =>
  Doser.toLayer({ link, config: () => ({ commands: "-", telemetry: "-" }) })
