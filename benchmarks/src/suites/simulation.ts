/**
 * The suite `simulation`: how much faster than real time a cluster of four nodes is simulated, on
 * one core. Its peer is the clock on the wall, at 1 virtual second a second.
 */
import { Rpc } from "@effect/rpc"
import { Actor } from "@plantd/actors"
import * as DurableState from "@plantd/actors/DurableState"
import { Faults, Simulation } from "@plantd/simulation"
import { Effect, Schema } from "effect"
import { type Figure, rate, type Suite } from "../Figure.ts"

/** How long each run lasts, in virtual seconds. */
const runSeconds = 120

/** How many actors are asked, in turn. */
const actors = 8

const Counter = Actor.make("Counter", [
  Rpc.make("Add", { success: Schema.Int }),
  Rpc.make("Count", { success: Schema.Int })
])

const CounterLive = Counter.toLayer(
  Effect.gen(function*() {
    const count = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
    return {
      Add: () => Effect.orDie(count.update((n) => n + 1)),
      Count: () => count.get
    }
  })
)

const faults = Faults.swarm({ max: 6, withinMillis: runSeconds * 1_000 })

/** One run. Throws what is found. */
const swarm = (seed: number, asksPerSecond: number): void => {
  const options = { nodes: 4, actors: CounterLive, faults }
  const report = Simulation.run(seed, options, (sim) => {
    const counter = sim.client(Counter)
    const ask = (index: number) => {
      const { Add, Count } = counter(`c-${index % actors}`)
      // Most look, one in ten writes; those that meet a fault may fail.
      return Effect.ignore(index % 10 === 0 ? Add() : Count())
    }
    return Effect.forEach(
      Array.from({ length: asksPerSecond * runSeconds }, (_, index) => index),
      (index) => Effect.zipRight(Effect.fork(ask(index)), sim.advance(1_000 / asksPerSecond)),
      { discard: true }
    )
  })
  if (report.violation !== undefined) throw new Error(report.violation.detail)
}

const speed = (asksPerSecond: number): Figure => ({
  name: `swarm-${asksPerSecond}`,
  unit: "virtual s/s",
  better: "higher",
  roundsMax: 7,
  subject: Effect.sync(() => {
    let seed = 0
    return rate({
      size: runSeconds,
      run: () => Effect.sync(() => swarm(++seed, asksPerSecond))
    })
  }),
  peers: {}
})

/** Four nodes, faults from a seed, and so many asks a virtual second. */
export const suite: Suite = { name: "simulation", figures: [speed(20), speed(200)] }
