/** A device that doses: a pulse that is done twice does harm; its model remembers each one. */
import { Attribute, Command, Device, type Driver, Link } from "@plantd/hardware"
import { Effect, Random, Schema } from "effect"

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

/** One dose, as the pump has done it. */
export interface Dose {
  readonly batch: string
  /** The fence that it was begun with. */
  readonly fence: number
}

/** What the pumps have done: one entry for each dose, by pump. */
export type Doses = Map<string, Array<Dose>>

/** How long a dose takes. */
const dosing = "50 millis"

/** How long a pump with a queue of its own takes at most until it doses. */
const queuedMillis = 8_000

/**
 * Pumps behind a lossy link, and their doses. One that queues takes a command for done at once, and
 * does it later, without a look at whether another node has commanded it since.
 */
export const dosers = ({ queues }: { readonly queues: boolean }) =>
  Effect.gen(function*() {
    const doses: Doses = new Map()
    const simulated = yield* Link.simulated(
      Doser,
      (id) =>
        Effect.sync(() => {
          const done: Array<Dose> = []
          doses.set(id, done)
          const note = (dose: Dose) => Effect.sync(() => void done.push(dose))
          const dose = (
            { batch }: { readonly batch: string },
            { fence }: Driver.CommandContext
          ) => {
            const doing = Effect.zipRight(Effect.sleep(dosing), note({ batch, fence }))
            return queues ? Effect.forkDaemon(queued(doing)) : doing
          }
          return {
            handlers: {
              read: { dosed: Effect.sync(() => done.length) },
              commands: { dose }
            }
          }
        }),
      { network: { latencyMillis: { min: 1, max: 20 }, loss: 0.03, duplicate: 0.05 } }
    )
    return { ...simulated, doses }
  })

const queued = <A>(effect: Effect.Effect<A>): Effect.Effect<A> =>
  Effect.flatMap(Random.nextRange(0, queuedMillis), (millis) => Effect.delay(effect, millis))

/** What `dosers` gives. */
export type Dosers = Effect.Effect.Success<ReturnType<typeof dosers>>

/** The actors of these pumps. */
export const doserActors = ({ link }: Dosers) =>
  Doser.toLayer({ link, config: () => ({ commands: "-", telemetry: "-" }) })
