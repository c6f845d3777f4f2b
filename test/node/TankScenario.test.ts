import { expect, it } from "@effect/vitest"
import { TankScenario } from "@plantd/node"

it("the level of a tank is kept while its controller moves from node to node", () => {
  const reports = [1, 2, 3].map((seed) => TankScenario.tankControl.run(seed))
  expect(reports.flatMap(({ violation }) => violation ?? [])).toEqual([])
  for (const { sometimes } of reports) expect(sometimes.get("the controller moved")).toBe(true)
}, 120_000)
