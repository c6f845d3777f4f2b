/** The command: `npm run bench -- <suite>`. Outcomes on standard output, progress on the other. */
import { Cause, Effect, Either, Exit, Fiber } from "effect"
import { register } from "node:module"
import { parse, type Run, usage } from "./Arguments.ts"
import type { Figure, Suite } from "./Figure.ts"
import { measure, type OnRound, roundsOf } from "./Harness.ts"
import { toJson, toTable } from "./Report.ts"
import { ascending, quantile, summarize } from "./Statistics.ts"

/** Each suite is loaded alone: what others import would share its heap and its compiled code. */
const suites: Readonly<Record<string, () => Promise<{ readonly suite: Suite }>>> = {
  actors: () => import("./suites/actors.ts"),
  cluster: () => import("./suites/cluster.ts"),
  hardware: () => import("./suites/hardware.ts"),
  simulation: () => import("./suites/simulation.ts")
}

// From here on; what was loaded before are the harness and Effect, which are the same for everyone.
register("./compiled.ts", import.meta.url)

const ok = 0
const failed = 1
const misused = 2
const interrupted = 130

/** How long a figure that is interrupted may take to let go; a measurement has nothing to save. */
const letGoMillis = 1_000

const tell = (line: string) => Effect.sync(() => void process.stderr.write(`${line}\n`))
const print = (text: string) => Effect.sync(() => void process.stdout.write(`${text}\n`))

const main = Effect.suspend((): Effect.Effect<number> => {
  const names = Object.keys(suites)
  return Either.match(parse(process.argv.slice(2), names), {
    onLeft: (problem) => Effect.as(tell(`bench: ${problem}`), misused),
    onRight: (request) =>
      request._tag === "Help" ? Effect.as(print(usage(names)), ok) : runSuite(request)
  })
})

const runSuite = (run: Run): Effect.Effect<number> =>
  Effect.gen(function*() {
    const load = suites[run.suite]
    if (load === undefined) return yield* Effect.dieMessage(`${run.suite} was let through`)
    const { suite } = yield* Effect.promise(load)
    const known = suite.figures.map(({ name }) => name)
    const unknown = run.figures.find((name) => !known.includes(name))
    if (unknown !== undefined) {
      const expected = known.join(", ")
      yield* tell(`bench: ${suite.name} has no figure ${unknown}, expected one of ${expected}`)
      return misused
    }
    const chosen = run.figures.length === 0
      ? suite.figures
      : suite.figures.filter(({ name }) => run.figures.includes(name))
    yield* Effect.forEach(chosen, (figure) => runFigure(suite, figure, run), { discard: true })
    return ok
  })

const runFigure = (suite: Suite, figure: Figure, run: Run): Effect.Effect<void> =>
  Effect.gen(function*() {
    const plan = roundsOf(figure, run.plan)
    const contenders = ["plantd", ...Object.keys(figure.peers)].join(", ")
    const rounds = `${plan.warmUps} warm-up and ${plan.rounds} measured rounds`
    yield* tell(`${suite.name}/${figure.name}: ${rounds} of ${contenders}`)
    const { better, events, name, unit } = figure
    const onEvent: OnRound = (round, [value = Number.NaN]) =>
      tell(`${suite.name}/${name}: ${round} of ${plan.rounds}: ${value.toFixed(0)} ${unit}`)
    const samples = yield* events === true ? measure(figure, plan, onEvent) : measure(figure, plan)
    const tail = events === true ? { p99: quantile(ascending(samples.subject), 0.99) } : {}
    const outcome = { suite: suite.name, name, unit, better, ...summarize(samples), ...tail }
    yield* print(run.json ? toJson(outcome) : `${toTable(outcome)}\n`)
  })

const fiber = Effect.runFork(main)

const stop = (): void => {
  process.exitCode = interrupted
  Effect.runFork(Fiber.interruptFork(fiber))
  setTimeout(() => process.exit(interrupted), letGoMillis).unref()
}
process.once("SIGINT", stop)
process.once("SIGTERM", stop)

// A reader that has read enough (`| head -1`) is no failure.
process.stdout.on("error", () => process.exit(ok))

fiber.addObserver((exit) => {
  process.off("SIGINT", stop).off("SIGTERM", stop)
  if (Exit.isSuccess(exit)) process.exitCode = exit.value
  else if (!Cause.isInterruptedOnly(exit.cause)) {
    process.stderr.write(`bench: ${Cause.pretty(exit.cause)}\n`)
    process.exitCode = failed
  }
})
