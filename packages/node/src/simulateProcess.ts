/** What a process of `plantd simulate` does: it runs the scenarios that it is told. */
import * as ScenarioList from "./ScenarioList.ts"
import type { Done, Task } from "./SimulateProcesses.ts"

process.on("message", ({ number, plan, scenario, seed }: Task) => {
  const found = ScenarioList.named(scenario)
  if (found === undefined) throw new Error(`there is no scenario ${scenario}`)
  const done: Done = { number, report: found.run(seed, plan) }
  process.send?.(done)
})

// Whoever started it is gone.
process.once("disconnect", () => process.exit())
