/** Tests that fail when they are run: how, `SimTest.test.ts` looks at. */
import { Rpc } from "@effect/rpc"
import { describe } from "@effect/vitest"
import { Actor } from "@plantd/actors"
import { Faults } from "@plantd/simulation"
import { simTest } from "@plantd/simulation/SimTest"
import { Effect } from "effect"

const Bell = Actor.make("Bell", [Rpc.make("Ring")])
const actors = Bell.toLayer(Effect.succeed({ Ring: () => Effect.void }))
const faults = Faults.swarm({ kinds: ["kill", "slow"], withinMillis: 1_000, lastsMillis: 1_000 })

describe("planted:", () => {
  simTest(
    "a node (of two) is up",
    { seeds: [3, 4, 5, 6, 7, 8], nodes: 2, actors, faults },
    function*(sim) {
      sim.always("all nodes are up", () => sim.nodes.every(({ isUp }) => isUp))
      yield* sim.advance("3 seconds")
    }
  )

  simTest("a bell rings twice", { seeds: 2, nodes: 1, actors }, function*(sim) {
    sim.sometimes("it rang twice", () => sim.history.length > 1)
    yield* sim.client(Bell)("b-1").Ring()
  })
})
