/**
 * What the nodes of a demo do beside the tank's actors, as a module of `plantd node start`: they
 * report how their actors fare, and end with the demo, whose process id is `DEMO_PARENT`.
 */
import { ActorSystem } from "@plantd/actors"
import { ParentProcess } from "@plantd/example-tank"
import { Config, Effect, Layer, Schedule } from "effect"
import * as NodeReport from "./NodeReport.ts"
import * as StandardOutput from "./StandardOutput.ts"

/** Between two reports. */
const reportEach = Schedule.fixed("500 millis")

const report = Effect.flatMap(
  ActorSystem,
  ({ stats }) =>
    Effect.flatMap(stats, (counts) => StandardOutput.write(`${NodeReport.lineOf(counts)}\n`))
)

const endWithParent = Effect.flatMap(
  Config.integer("DEMO_PARENT"),
  (parent) =>
    Effect.andThen(ParentProcess.parentGone(parent), () => process.kill(process.pid, "SIGTERM"))
)

export default Layer.scopedDiscard(
  Effect.all([
    Effect.forkScoped(Effect.schedule(report, reportEach)),
    Effect.forkScoped(endWithParent)
  ])
)
