/** Fuses: actors that crash when they are tripped, and stay out when that happens too often. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, Supervision } from "@plantd/actors"
import { Effect } from "effect"
import * as Checkers from "../../Checkers.ts"
import type { Sim } from "../sim.ts"

/** A fuse crashes with each message. */
export const Fuse = Actor.make("Fuse", [Rpc.make("Trip")])

/** How often a fuse comes back within a time. */
const allowed = { maxRestarts: 3, withinMillis: 10_000 }

/** More than any run comes to. */
const unlimited = 10_000

/** Fuses; those without limit come back each time. */
export const fuses = ({ limited }: { readonly limited: boolean }) =>
  Fuse.toLayer(
    Effect.succeed({ Trip: () => Effect.dieMessage("tripped") }),
    {
      supervision: Supervision.restart({
        maxRestarts: limited ? allowed.maxRestarts : unlimited,
        within: allowed.withinMillis
      })
    }
  )

const ids = ["f-0", "f-1", "f-2", "f-3"]

/** Trips each fuse again and again. */
export const tripping = (rounds: number, pauseMillis: number) =>
  function*(sim: Sim<unknown>) {
    Checkers.oneOwner(sim, ids)
    const fuse = sim.client(Fuse)
    for (let round = 0; round < rounds; round++) {
      for (const id of ids) {
        yield* Effect.fork(Effect.ignore(fuse(id).Trip(undefined, { timeout: "3 seconds" })))
      }
      yield* sim.advance(pauseMillis)
    }
    yield* sim.until("all have ended", () => sim.pending() === 0)
    for (const id of ids) {
      sim.check("restart intensity", Checkers.restartIntensity(sim.starts(Fuse, id), allowed))
    }
    const lives = (id: string) => sim.starts(Fuse, id).map(({ life }) => life)
    sim.sometimes("a fuse stayed out", () =>
      ids.some((id) => {
        const all = lives(id)
        return all.filter((life) => life === all.at(-1)).length > allowed.maxRestarts
      }))
    sim.sometimes("a fuse moved", () => ids.some((id) => sim.moves(Fuse, id) > 0))
  }
