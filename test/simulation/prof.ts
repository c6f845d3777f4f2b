import { Faults, Scenarios } from "@plantd/simulation"
const [, , from = "1", to = "10"] = process.argv
const began = process.cpuUsage().user / 1000
let virtual = 0, steps = 0, n = 0
for (let seed = +from; seed <= +to; seed++) {
  const report = Scenarios.all.find((s) => s.name === (process.argv[4] ?? "durable-ledger"))!.run(
    seed
  )
  virtual += report.virtualMillis
  steps += report.steps
  n++
  if (report.verdict === "failed") {
    console.log(
      seed,
      report.violation?.check,
      report.violation?.detail.slice(0, 200),
      report.violation?.at,
      report.plan.map(Faults.textOf)
    )
  }
}
const took = process.cpuUsage().user / 1000 - began
console.log(
  `${Math.round(virtual / took)}x, ${Math.round(took / n)} ms a run, ${
    Math.round(steps / took)
  } steps/ms, ${Math.round(virtual / n)} virtual ms a run`
)
