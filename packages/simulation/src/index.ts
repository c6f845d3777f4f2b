/** Failure scenarios, deterministically: a failure that was found once is a seed, and it replays. */
export * as Faults from "./Faults.ts"
export * as Scenario from "./Scenario.ts"
export * as Scenarios from "./Scenarios.ts"
export * as Simulation from "./Simulation.ts"
