import { describe, expect, it } from "@effect/vitest"
import { Retry } from "@plantd/core"
import { Deferred, Effect, Exit, Fiber, Ref, TestClock } from "effect"
import * as fc from "fast-check"

const steady: Retry.Retry = {
  maxAttempts: 4,
  within: "1 minute",
  backoff: { min: 1_000, max: 1_000, factor: 1, jitter: 0 }
}

/** A call that fails with `errors`, one after the other, and succeeds with their number. */
const failing = (errors: ReadonlyArray<string>) =>
  Effect.map(Ref.make(0), (calls) => ({
    calls: Ref.get(calls),
    call: Effect.flatMap(
      Ref.getAndUpdate(calls, (made) => made + 1),
      (made) => made < errors.length ? Effect.fail(errors[made] as string) : Effect.succeed(made)
    )
  }))

const always = () => true

describe("Retry.run", () => {
  it.effect("waits between the attempts, and ends with the first success", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["a", "b"])
      const fiber = yield* Effect.fork(
        Retry.run(call, { retry: steady, isTransient: always })
      )
      yield* TestClock.adjust(999)
      expect(yield* calls).toBe(1)
      yield* TestClock.adjust(1)
      expect(yield* calls).toBe(2)
      yield* TestClock.adjust(1_000)
      expect(yield* Fiber.join(fiber)).toBe(2)
    }))

  it.effect("ends with the last error once the attempts are used up", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["a", "b", "c", "d", "e"])
      const fiber = yield* Effect.fork(
        Retry.run(call, { retry: steady, isTransient: always })
      )
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("d"))
      expect(yield* calls).toBe(4)
    }))

  it.effect("never tries again after an error that may have changed something", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["passing", "grave", "passing"])
      const fiber = yield* Effect.fork(
        Retry.run(call, { retry: steady, isTransient: (error) => error === "passing" })
      )
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("grave"))
      expect(yield* calls).toBe(2)
    }))

  it.effect("starts no attempt after its time, counted from the first attempt", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["a", "b", "c", "d"])
      const slow = Effect.zipRight(Effect.sleep(400), call)
      const fiber = yield* Effect.fork(
        Retry.run(slow, { retry: { ...steady, within: 2_000 }, isTransient: always })
      )
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("b"))
      expect(yield* calls).toBe(2)
    }))

  it.effect("a policy of never calls once", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["a"])
      const exit = yield* Effect.exit(
        Retry.run(call, { retry: Retry.never, isTransient: always })
      )
      expect(exit).toEqual(Exit.fail("a"))
      expect(yield* calls).toBe(1)
    }))

  it.effect("a defect is not tried again", () =>
    Effect.gen(function*() {
      const calls = yield* Ref.make(0)
      const call = Effect.zipRight(Ref.update(calls, (made) => made + 1), Effect.die("bug"))
      const exit = yield* Effect.exit(Retry.run(call, { retry: steady, isTransient: always }))
      expect(exit).toEqual(Exit.die("bug"))
      expect(yield* Ref.get(calls)).toBe(1)
    }))

  it.effect("an interruption while it waits ends it without a further attempt", () =>
    Effect.gen(function*() {
      const called = yield* Deferred.make<void>()
      const { call, calls } = yield* failing(["a", "b"])
      const fiber = yield* Effect.fork(
        Retry.run(Effect.ensuring(call, Deferred.succeed(called, undefined)), {
          retry: steady,
          isTransient: always
        })
      )
      yield* Deferred.await(called)
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      expect(yield* calls).toBe(1)
    }))

  it.effect("an adjustment of the wall clock neither prolongs nor ends it", () =>
    Effect.gen(function*() {
      const { call, calls } = yield* failing(["a", "b"])
      const clock = yield* Effect.clock
      const dayBack: typeof clock = {
        ...clock,
        currentTimeMillis: Effect.succeed(-86_400_000),
        unsafeCurrentTimeMillis: () => -86_400_000,
        unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
        sleep: (duration) => clock.sleep(duration)
      }
      const fiber = yield* Effect.fork(
        Effect.withClock(
          Retry.run(call, { retry: { ...steady, within: 1_500 }, isTransient: always }),
          dayBack
        )
      )
      yield* TestClock.adjust("1 hour")
      expect(yield* Fiber.await(fiber)).toEqual(Exit.fail("b"))
      expect(yield* calls).toBe(2)
    }))
})

describe("Retry.next", () => {
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  it("gives no delay after the last attempt, nor one that ends after its time", () => {
    fc.assert(fc.property(fc.nat(10), fc.nat(20_000), unit, (past, elapsed, random) => {
      const made = past + 1
      const delay = Retry.next(Retry.transient, { made, elapsed, random })
      if (made >= Retry.transient.maxAttempts) expect(delay).toBeUndefined()
      if (delay !== undefined) expect(elapsed + delay).toBeLessThanOrEqual(10_000)
    }))
  })
})
