/** Processes that run scenarios: every core works, and the command itself stays awake. */
import type { Faults, Trial } from "@plantd/simulation"
import type { Report } from "@plantd/simulation/Simulation"
import { Effect, Queue, type Scope } from "effect"
import { type ChildProcess, fork } from "node:child_process"
import { createRequire } from "node:module"

/** A run that a process is to do. */
export interface Task {
  /** Tells its answer from that of a run which nobody waits for any more. */
  readonly number: number
  /** By its name in `ScenarioList`. */
  readonly scenario: string
  readonly seed: number
  readonly plan: Faults.Plan | undefined
}

/** What came out of it. */
export interface Done {
  readonly number: number
  readonly report: Report
}

/**
 * For what was made in the last virtual seconds, in MiB: with the 16 of Node's default a quarter of
 * a run is spent on carrying it from one half to the other.
 */
const youngMiB = 64

const options = [`--min-semi-space-size=${youngMiB}`, `--max-semi-space-size=${youngMiB}`]

/**
 * Runs scenarios of `ScenarioList` in so many processes, which end with the scope, or when this
 * process does. A process that cannot be started is a defect, and so is a run whose process ends
 * before it.
 */
export const make = (count: number): Effect.Effect<Trial.Runner, never, Scope.Scope> =>
  Effect.gen(function*() {
    const idle = yield* Queue.unbounded<ChildProcess>()
    for (let started = 0; started < count; started++) yield* Queue.offer(idle, yield* start)
    let number = 0
    return {
      atOnce: count,
      run: ({ name }, seed, plan) =>
        Effect.acquireUseRelease(
          Queue.take(idle),
          (child) => done(child, { number: ++number, scenario: name, seed, plan }),
          (child) => Queue.offer(idle, child)
        )
    }
  })

const start = Effect.acquireRelease(
  Effect.async<ChildProcess>((resume) => {
    const child = fork(createRequire(import.meta.url).resolve("@plantd/node/simulateProcess"), {
      execArgv: [...process.execArgv, ...options],
      // Reports have maps.
      serialization: "advanced",
      // Ctrl-C is for the command, which ends them.
      detached: true
    })
    child.once("spawn", () => resume(Effect.succeed(child)))
    // Later errors are of one that ends, which is heard of by its end.
    child.on(
      "error",
      ({ message }) => resume(Effect.dieMessage(`a process for runs cannot be started: ${message}`))
    )
  }),
  (child) => Effect.sync(() => child.kill("SIGKILL"))
)

const done = (child: ChildProcess, task: Task): Effect.Effect<Report> =>
  Effect.async((resume) => {
    const leave = () => {
      child.off("message", hear)
      child.off("exit", end)
    }
    const hear = ({ number, report }: Done) => {
      if (number !== task.number) return
      leave()
      resume(Effect.succeed(report))
    }
    const end = () => {
      leave()
      const how = child.exitCode === null ? child.signalCode : `exit code ${child.exitCode}`
      resume(Effect.dieMessage(`a process that ran ${task.scenario} has ended: ${how}`))
    }
    child.on("message", hear)
    child.once("exit", end)
    if (child.connected) child.send(task)
    else end()
    return Effect.sync(leave)
  })
