import { describe, expect, it } from "@effect/vitest"
import { Faults, Scenarios, Simulation } from "@plantd/simulation"
import { Effect, Layer } from "effect"
import { hashes } from "./hashes.ts"

const ledger = Scenarios.durableLedger()

const idle = <E>(
  workload: (sim: Simulation.Sim<undefined>) => Effect.Effect<unknown, E>,
  options: Partial<Simulation.Options<undefined>> = {}
) => Simulation.run(1, { actors: Layer.empty, ...options }, workload)

describe("a run of a simulation", () => {
  it("is the same for the same seed, step by step, on this machine and on others", () => {
    for (const [seed, hash] of Object.entries(hashes)) {
      expect([seed, ledger.run(Number(seed)).traceHash]).toEqual([seed, hash])
    }
  })

  it("is another one for another seed", () => {
    expect(new Set(Object.values(hashes)).size).toBe(Object.keys(hashes).length)
    expect(ledger.run(1).plan).not.toEqual(ledger.run(2).plan)
  })

  it("takes virtual time, and no other", () => {
    const report = idle((sim) => sim.advance("11 minutes"))
    expect(report.verdict).toBe("failed")
    expect(report.violation?.check).toBe("the workload ends")
    expect(idle((sim) => sim.advance("5 minutes")).virtualMillis).toBeGreaterThanOrEqual(300_000)
  })

  it("fails where something does not hold any more, and says when", () => {
    const report = idle((sim) => {
      sim.always("it is early", () => sim.now() < 5_000)
      return sim.advance("10 seconds")
    })
    expect(report.violation).toMatchObject({ check: "it is early" })
    expect(report.violation?.at).toBeGreaterThanOrEqual(5_000)
  })

  it("looks after each step of the plant, too", () => {
    let isFull = false
    const full = Effect.sync(() => void (isFull = true))
    const empty = Effect.sync(() => void (isFull = false))
    const filled = Effect.zipRight(full, Effect.zipRight(Effect.yieldNow(), empty))
    const report = Simulation.run(1, {
      actors: Layer.empty,
      plant: Effect.forkScoped(Effect.delay(filled, "20 seconds"))
    }, (sim) => {
      sim.always("it is not full", () => !isFull)
      return sim.advance("30 seconds")
    })
    expect(report.violation).toMatchObject({ check: "it is not full", at: 20_000 })
  })

  it("fails where something does not come to hold after the faults", () => {
    const report = idle((sim) =>
      Effect.sync(() => sim.eventually("never", () => false, { within: "3 seconds" }))
    )
    expect(report.violation).toMatchObject({
      check: "never",
      detail: "it does not hold 3000 ms after all faults"
    })
  })

  it("fails where what the workload waits for does not come", () => {
    const report = idle((sim) => sim.until("pigs fly", () => false, { within: "2 seconds" }))
    expect(report.violation).toMatchObject({ check: "pigs fly", detail: "not within 2000 ms" })
  })

  it("fails with the error of its workload", () => {
    const report = idle(() => Effect.fail({ _tag: "NoPump", message: "no pump" }))
    expect(report.violation?.check).toBe("the workload succeeds")
    expect(report.violation?.detail).toContain("no pump")
  })

  it("says what has held once", () => {
    const report = idle((sim) => {
      sim.sometimes("a node was down", () => sim.nodes.some(({ isUp }) => !isUp))
      sim.sometimes("pigs flew", () => false)
      return Effect.zipRight(sim.nodes[0]?.kill ?? Effect.void, sim.advance("1 second"))
    })
    expect([...report.sometimes]).toEqual([["a node was down", true], ["pigs flew", false]])
  })

  it("remembers what has held, though it is asked for again", () => {
    const report = idle((sim) => {
      const begun = sim.now()
      sim.sometimes("it began", () => sim.now() < begun + 5_000)
      return Effect.zipRight(
        sim.advance("10 seconds"),
        Effect.zipRight(
          Effect.sync(() => sim.sometimes("it began", () => false)),
          sim.advance("1 second")
        )
      )
    })
    expect([...report.sometimes]).toEqual([["it began", true]])
  })

  it("refuses what reaches past it, and names it", () => {
    const run = () => idle(() => Effect.promise(() => Promise.resolve(1)))
    expect(run).toThrow("a promise was used while a simulation ran")
  })

  it("moves actors from a node that is lost, whatever became of it", () => {
    for (const loss of ["kill", "powerLoss", "stop"] as const) {
      const report = idle((sim) =>
        Effect.gen(function*() {
          const owner = yield* sim.ownerOf({ name: "Any" }, "a-1")
          yield* owner[loss]
          yield* sim.until("another node has it", () =>
            sim.owners("a-1").some(({ name }) => name !== owner.name), { within: "10 seconds" })
          yield* sim.until("it is down", () =>
            !owner.isUp)
          yield* owner.restart
          yield* sim.until("it is up", () =>
            owner.isUp)
        })
      )
      expect([loss, report.violation]).toEqual([loss, undefined])
    }
  })

  it("takes the actors of a node that stands still, or is cut off, and gives it some again", () => {
    for (const fault of ["pause", "isolate"] as const) {
      const report = idle((sim) =>
        Effect.gen(function*() {
          const ids = Array.from({ length: 32 }, (_, index) => `a-${index}`)
          sim.always("one owner", () => ids.every((id) => sim.owners(id).length <= 1))
          const owner = yield* sim.ownerOf({ name: "Any" }, "a-1")
          yield* owner[fault]("6 seconds")
          yield* sim.until("others have all", () =>
            ids.every((id) => sim.owners(id).some(({ name }) => name !== owner.name)))
          yield* sim.until("it has some", () =>
            ids.some((id) => owner.isHere(id)))
        })
      )
      expect([fault, report.violation]).toEqual([fault, undefined])
    }
  })

  it("refuses a swarm that could do nothing, since no devices are named", () => {
    const faults = (kinds: ReadonlyArray<Faults.Kind>) => () =>
      idle((sim) => sim.advance("1 second"), { faults: Faults.swarm({ kinds }) })
    expect(faults(["device.drop", "device.delay"])).toThrow("`devices` says of none")
    expect(faults(["device.drop", "pause"])().verdict).toBe("passed")
  })

  it("can be given a plan of faults", () => {
    const plan: Faults.Plan = [
      { kind: "clockSkew", atMillis: 10, forMillis: 0, node: 1, other: 2, strength: 1 }
    ]
    const report = idle((sim) => sim.advance("5 seconds"), { faults: plan })
    expect(report.plan).toEqual(plan)
    expect(report.events.filter(({ kind }) => kind === "fault").map(({ detail }) => detail))
      .toEqual(
        ["at 10 ms: clockSkew of node 1 for 0 ms"]
      )
    expect(report.verdict).toBe("passed")
  })
})
