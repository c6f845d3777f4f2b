/** The scenarios that `plantd simulate` knows: those of the simulation, and the tank's. */
import { type Scenario, Scenarios } from "@plantd/simulation"
import * as TankScenario from "./TankScenario.ts"

/** All of them. */
export const all: ReadonlyArray<Scenario.Scenario> = [...Scenarios.all, TankScenario.tankControl]

/** The one of a name. */
export const named = (name: string): Scenario.Scenario | undefined =>
  all.find((scenario) => scenario.name === name)
