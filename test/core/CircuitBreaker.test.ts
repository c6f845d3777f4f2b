import { describe, expect, it } from "@effect/vitest"
import { CircuitBreaker } from "@plantd/core"
import { Deferred, Effect, Exit, Fiber, Scheduler, TestClock } from "effect"
import * as fc from "fast-check"

const settings: CircuitBreaker.Settings = { failuresMax: 2, cooldown: 1_000 }

const closed = (failures: number): CircuitBreaker.State => ({ _tag: "Closed", failures })
const open = (until: number): CircuitBreaker.State => ({ _tag: "Open", until })
const halfOpen: CircuitBreaker.State = { _tag: "HalfOpen" }

describe("CircuitBreaker.admit", () => {
  it.each<[string, CircuitBreaker.State, number, CircuitBreaker.State, boolean]>([
    ["closed admits", closed(1), 0, closed(1), true],
    ["open refuses before its time", open(10), 9, open(10), false],
    ["open admits one at its time", open(10), 10, halfOpen, true],
    ["half-open refuses all others", halfOpen, 99, halfOpen, false]
  ])("%s", (_name, state, now, next, admitted) => {
    expect(CircuitBreaker.admit(state, now)).toEqual([next, admitted])
  })
})

describe("CircuitBreaker.report", () => {
  type Row = [string, CircuitBreaker.State, CircuitBreaker.Call, CircuitBreaker.State]
  const call = (outcome: CircuitBreaker.Call["outcome"], trial = false) => ({
    outcome,
    trial,
    now: 5
  })
  it.each<Row>([
    ["a success forgets the failures before it", closed(1), call("ok"), closed(0)],
    ["a failure is counted", closed(0), call("failed"), closed(1)],
    ["the last failure allowed opens it", closed(1), call("failed"), open(1_005)],
    ["an interruption is not counted", closed(1), call("interrupted"), closed(1)],
    ["a trial that succeeds closes it", halfOpen, call("ok", true), closed(0)],
    ["a trial that fails opens it again", halfOpen, call("failed", true), open(1_005)],
    ["an interrupted trial lets the next one try", halfOpen, call("interrupted", true), open(5)],
    ["a late success does not close a half-open one", halfOpen, call("ok"), halfOpen],
    ["a late failure does not open a half-open one", halfOpen, call("failed"), halfOpen],
    ["a late success does not close an open one", open(9), call("ok"), open(9)],
    ["a late failure does not prolong an open one", open(9), call("failed"), open(9)]
  ])("%s", (_name, state, ended, next) => {
    expect(CircuitBreaker.report(settings, state, ended)).toEqual(next)
  })

  it("never waits longer than the cooldown, whatever is called", () => {
    const step = fc.record({
      wait: fc.nat(2_000),
      outcome: fc.constantFrom("ok" as const, "failed" as const, "interrupted" as const)
    })
    fc.assert(fc.property(fc.array(step), (steps) => {
      let state: CircuitBreaker.State = CircuitBreaker.initial
      let now = 0
      for (const { outcome, wait } of steps) {
        now += wait
        const [next, admitted] = CircuitBreaker.admit(state, now)
        const trial = next._tag === "HalfOpen"
        state = admitted ? CircuitBreaker.report(settings, next, { outcome, trial, now }) : next
        if (state._tag === "Open") expect(state.until - now).toBeLessThanOrEqual(1_000)
        expect(CircuitBreaker.admit(state, now + 1_000)[1]).toBe(true)
      }
    }))
  })
})

const opened = Effect.gen(function*() {
  const breaker = yield* CircuitBreaker.make("pump-1", settings)
  yield* Effect.exit(breaker.run(Effect.fail("no")))
  yield* Effect.exit(breaker.run(Effect.fail("no")))
  return breaker
})

/** A scheduler that pauses its fiber once, before the operation with this number. */
const pausingAt = (operation: number): Scheduler.Scheduler => {
  let operations = 0
  return {
    shouldYield: () => operations++ === operation ? 0 : false,
    scheduleTask: (task, priority) => Scheduler.defaultScheduler.scheduleTask(task, priority)
  }
}

describe("CircuitBreaker.run", () => {
  it.effect("passes results and errors on while closed", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make("pump-1")
      expect(yield* breaker.run(Effect.succeed(1))).toBe(1)
      expect(yield* Effect.exit(breaker.run(Effect.fail("no")))).toEqual(Exit.fail("no"))
      expect(yield* breaker.state).toEqual(closed(1))
    }))

  it.effect("does not call while open, and says who refused and for how long", () =>
    Effect.gen(function*() {
      const breaker = yield* opened
      yield* TestClock.adjust(250)
      let called = false
      const error = yield* Effect.flip(breaker.run(Effect.sync(() => {
        called = true
      })))
      expect(called).toBe(false)
      expect(error).toEqual(
        new CircuitBreaker.CircuitOpen({ name: "pump-1", retryAfterMillis: 750 })
      )
      expect(error.message).toContain("pump-1: not called")
    }))

  it.effect("lets a single call try after the cooldown, and closes when it succeeds", () =>
    Effect.gen(function*() {
      const breaker = yield* opened
      yield* TestClock.adjust("1 second")
      const answer = yield* Deferred.make<string>()
      const trial = yield* Effect.fork(breaker.run(Deferred.await(answer)))
      yield* Effect.yieldNow()
      const refused = yield* Effect.flip(breaker.run(Effect.succeed("second")))
      expect(refused).toMatchObject({ _tag: "CircuitOpen", retryAfterMillis: 0 })
      yield* Deferred.succeed(answer, "first")
      expect(yield* Fiber.join(trial)).toBe("first")
      expect(yield* breaker.state).toEqual(closed(0))
    }))

  it.effect("counts a defect, and a failure that interrupted its siblings, as failures", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make("pump-1", settings)
      yield* Effect.exit(breaker.run(Effect.die("bug")))
      const both = Effect.all([Effect.never, Effect.fail("no")], { concurrency: "unbounded" })
      yield* Effect.exit(breaker.run(both))
      expect((yield* breaker.state)._tag).toBe("Open")
    }))

  it.effect("an interrupted trial gives its turn to the next call at once", () =>
    Effect.gen(function*() {
      const breaker = yield* opened
      yield* TestClock.adjust("1 second")
      const trial = yield* Effect.fork(breaker.run(Effect.never))
      yield* Effect.yieldNow()
      expect((yield* breaker.state)._tag).toBe("HalfOpen")
      yield* Fiber.interrupt(trial)
      expect(yield* breaker.run(Effect.succeed("next"))).toBe("next")
      expect(yield* breaker.state).toEqual(closed(0))
    }))

  it.effect("no moment of an interruption loses the trial", () =>
    Effect.gen(function*() {
      for (let operation = 0; operation < 30; operation++) {
        const breaker = yield* opened
        yield* TestClock.adjust("1 second")
        const trial = yield* breaker.run(Effect.never).pipe(
          Effect.withScheduler(pausingAt(operation)),
          Effect.fork
        )
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(trial)
        expect(yield* breaker.run(Effect.succeed(operation))).toBe(operation)
      }
    }))

  it.effect("a call from before it opened does not decide over the trial", () =>
    Effect.gen(function*() {
      const breaker = yield* CircuitBreaker.make("pump-1", settings)
      const answer = yield* Deferred.make<void>()
      const old = yield* Effect.fork(breaker.run(Deferred.await(answer)))
      yield* Effect.yieldNow()
      yield* Effect.exit(breaker.run(Effect.fail("no")))
      yield* Effect.exit(breaker.run(Effect.fail("no")))
      yield* TestClock.adjust("1 second")
      const trial = yield* Effect.fork(breaker.run(Effect.never))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(answer, undefined)
      yield* Fiber.join(old)
      expect(yield* breaker.state).toEqual(halfOpen)
      yield* Fiber.interrupt(trial)
    }))
})
