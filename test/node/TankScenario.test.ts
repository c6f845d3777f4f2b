import { expect, it } from "@effect/vitest"
import { TankScenario } from "@plantd/node"

it("the level of a tank is kept while its controller moves from node to node", () => {
  const reports = [1, 2, 3].map((seed) => TankScenario.tankControl.run(seed))
  expect(reports.flatMap(({ violation }) => violation ?? [])).toEqual([])
  for (const { events, plan, sometimes, virtualMillis } of reports) {
    expect(sometimes.get("the controller moved")).toBe(true)
    // It is looked at for as long after the last loss as after each of the others.
    const losses = events.filter(({ kind }) => kind === "fault")
    expect(losses).toHaveLength(plan.length)
    expect(virtualMillis).toBeGreaterThanOrEqual(Math.floor(losses.at(-1)?.at ?? 0) + 12_000)
  }
}, 120_000)
