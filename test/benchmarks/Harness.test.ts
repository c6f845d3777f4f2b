import { expect, it } from "@effect/vitest"
import { type Contender, duration, rate } from "@plantd/benchmarks/Figure"
import { measure } from "@plantd/benchmarks/Harness"
import { Effect, Exit, TestClock } from "effect"

/** Writes down when it is set up, measured and let go; each measurement is one more. */
const recorder = () => {
  const log: Array<string> = []
  const contender = (name: string): Contender =>
    Effect.acquireRelease(
      Effect.sync(() => {
        log.push(`${name} up`)
        let count = 0
        return (millis: number) =>
          Effect.sync(() => {
            log.push(`${name} ${millis}`)
            return ++count
          })
      }),
      () => Effect.sync(() => log.push(`${name} down`))
    )
  return { log, contender }
}

const about = { name: "f", unit: "u", better: "higher" } as const

it.effect("everyone is measured in every round, and another one begins each time", () =>
  Effect.gen(function*() {
    const { contender, log } = recorder()
    const figure = { ...about, subject: contender("A"), peers: { b: contender("B") } }
    yield* measure(figure, { warmUps: 0, rounds: 3, events: 0, millis: 5 })
    expect(log.join(", ")).toBe(
      "A up, B up, A 5, B 5, B 5, A 5, A 5, B 5, B down, A down"
    )
  }))

it.effect("warm-up rounds are run, and their values are not reported", () =>
  Effect.gen(function*() {
    const { contender } = recorder()
    const figure = {
      ...about,
      subject: contender("A"),
      peers: { b: contender("B"), c: contender("C") }
    }
    expect(yield* measure(figure, { warmUps: 2, rounds: 2, events: 0, millis: 5 })).toEqual({
      subject: [3, 4],
      peers: { b: [3, 4], c: [3, 4] }
    })
  }))

it.effect("a figure that takes long is measured in one warm-up and the rounds that it allows", () =>
  Effect.gen(function*() {
    const { contender } = recorder()
    const figure = { ...about, roundsMax: 2, subject: contender("A"), peers: {} }
    const { subject } = yield* measure(figure, { warmUps: 4, rounds: 15, events: 0, millis: 5 })
    expect(subject).toEqual([2, 3])
    const few = { ...figure, subject: contender("A"), roundsMax: 9 }
    const short = yield* measure(few, { warmUps: 0, rounds: 1, events: 0, millis: 5 })
    expect(short.subject).toEqual([1])
  }))

it.effect("a figure of events has as many rounds as the plan has events, and tells of each", () =>
  Effect.gen(function*() {
    const { contender } = recorder()
    const figure = { ...about, events: true as const, subject: contender("A"), peers: {} }
    const told: Array<unknown> = []
    const plan = { warmUps: 4, rounds: 15, events: 2, millis: 5 }
    const samples = yield* measure(
      figure,
      plan,
      (round, values) => Effect.sync(() => told.push([round, values]))
    )
    expect(samples.subject).toEqual([1, 2])
    expect(told).toEqual([[1, [1]], [2, [2]]])
  }))

it.effect("what passes through much code is warmed up for longer", () =>
  Effect.gen(function*() {
    const { contender } = recorder()
    const figure = { ...about, warmUpTimes: 3, subject: contender("A"), peers: {} }
    const { subject } = yield* measure(figure, { warmUps: 2, rounds: 1, events: 0, millis: 5 })
    expect(subject).toEqual([7])
  }))

it.effect("a contender that fails ends the figure, and everyone is let go", () =>
  Effect.gen(function*() {
    const { contender, log } = recorder()
    const broken = Effect.succeed(() => Effect.dieMessage("lost a message"))
    const figure = { ...about, subject: contender("A"), peers: { broken } }
    const exit = yield* Effect.exit(
      measure(figure, { warmUps: 0, rounds: 1, events: 0, millis: 5 })
    )
    expect(Exit.isFailure(exit)).toBe(true)
    expect(log.at(-1)).toBe("A down")
  }))

it.effect("a rate is whole batches until the time is up, over the time they took", () =>
  Effect.gen(function*() {
    const sizes: Array<number> = []
    const measured = rate({
      size: 100,
      run: (size) => {
        sizes.push(size)
        return TestClock.adjust("30 millis")
      }
    })
    expect(yield* measured(50)).toBeCloseTo(200 / 0.06, 6)
    expect(sizes).toEqual([100, 100])
  }))

it.effect("a duration is a quantile of single runs, one after the other until the time is up", () =>
  Effect.gen(function*() {
    let runs = 0
    const run = Effect.suspend(() => TestClock.adjust(`${++runs} millis`))
    expect(yield* duration(0.5, run)(15)).toBe(3_000)
    expect(runs).toBe(5)
    runs = 0
    expect(yield* duration(1, run)(15)).toBe(5_000)
  }))
