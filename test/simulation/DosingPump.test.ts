import { Attribute, Command, Device, Link } from "@plantd/hardware"
import { Faults } from "@plantd/simulation"
import { simTest } from "@plantd/simulation/SimTest"
import { Effect, Exit, Schema, Stream } from "effect"

const Pump = Device.make("Pump", {
  attributes: { dosed: Attribute.number({ unit: "1", range: [0, 1_000] }) },
  commands: { dose: Command.make({ payload: { batch: Schema.Int }, effect: "pulse" }) }
})

/** The pump itself, on a machine of its own: it writes down what it doses. */
const plant = Effect.gen(function*() {
  const doses: Array<number> = []
  const dose = ({ batch }: { readonly batch: number }) =>
    Effect.zipRight(Effect.sync(() => void doses.push(batch)), Effect.sleep("300 millis"))
  const read = { dosed: Effect.sync(() => doses.length) }
  const model = Effect.succeed({ handlers: { read, commands: { dose } } })
  return { ...(yield* Link.simulated(Pump, () => model)), doses }
})

simTest("a pump doses no batch twice, and each that it is said to have dosed", {
  seeds: 10,
  nodes: 3,
  plant,
  actors: ({ link }) => Pump.toLayer({ link }),
  faults: Faults.swarm({ max: 3, kinds: ["kill", "pause", "isolate"], withinMillis: 5_000 })
}, function*(sim) {
  const { doses } = sim.plant
  sim.always("no batch twice", () => new Set(doses).size === doses.length)
  sim.sometimes("it moved to another node", () => sim.moves(Pump, "p-1") > 0)
  const pump = (yield* sim.run(Pump.client))("p-1")
  yield* sim.run(Stream.runHead(Stream.filter(pump.linkChanges, (link) => link.state === "online")))
  for (let batch = 1; batch <= 10; batch++) {
    const told = yield* Effect.exit(sim.run(pump.dose({ batch })))
    if (Exit.isSuccess(told) && !doses.includes(batch)) sim.fail("done is done", `${batch}`)
    yield* sim.advance("500 millis")
  }
})
