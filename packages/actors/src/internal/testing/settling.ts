/** How a test waits: for actors to come to rest, and for something to come within a time. */
import { Chunk, Clock, Duration, Effect, Option, TestClock } from "effect"
import type { ActorSystemService } from "../../ActorSystem.ts"
import { EventLoop } from "../../EventLoop.ts"

/** How often a test looks whether its actors rest before it gives them up: some 200 ms. */
export const roundsMax = 200

/** After so many looks without a change actors are taken to rest. */
const quietRounds = 2

/** Lets everything run that is ready, also what waits for the event loop; no clock moves. */
export const round: Effect.Effect<void> = Effect.zipRight(
  Effect.flatMap(
    EventLoop,
    (loop) => Effect.async<void>((resume) => loop.afterTurn(() => resume(Effect.void)))
  ),
  // Effect's scheduler waits for a timer after many turns. A clock of its own: the test's is still.
  Effect.suspend(() => Clock.make().sleep(Duration.zero))
)

/** Waits until no actor of the system does anything more at the time that it is. */
export const settle = (system: ActorSystemService): Effect.Effect<void> =>
  Effect.gen(function*() {
    let quiet = 0
    let before = yield* system.stats
    for (let rounds = 0; quiet < quietRounds; rounds++) {
      if (rounds >= roundsMax) {
        const count = `${before.messages} messages so far, ${before.actors} actors`
        return yield* Effect.dieMessage(
          `the actors did not come to rest while time stood still (${count}):`
            + " do some of them send to each other without end?"
        )
      }
      yield* round
      const now = yield* system.stats
      quiet = String(Object.values(now)) === String(Object.values(before)) ? quiet + 1 : 0
      before = now
    }
  })

/** Whether time is the test's own. */
const virtual: Effect.Effect<TestClock.TestClock | undefined> = Effect.clockWith((clock) =>
  Effect.succeed("adjust" in clock ? clock as TestClock.TestClock : undefined)
)

/** Moves the test's clock, and waits until everything that became due is done. */
export const advance = (
  system: ActorSystemService,
  duration: Duration.DurationInput
): Effect.Effect<void> =>
  Effect.flatMap(virtual, (clock) => {
    if (clock === undefined) {
      return Effect.dieMessage("time can be moved only on a TestClock; use TestSystem.layer")
    }
    return Effect.zipRight(
      Effect.zipRight(settle(system), clock.adjust(duration)),
      settle(system)
    )
  })

/** What is looked for, and who says when to look again. */
export interface Look<A> {
  readonly look: () => A | undefined
  /** Calls `wake` at each change; the result ends that. */
  readonly onChange: (wake: () => void) => () => void
}

/**
 * Waits for something at most so long. On a test's clock time moves by itself, from one thing that
 * is due to the next, and no further than is needed; on a real clock time goes by.
 */
export const within = <A>(
  system: ActorSystemService,
  duration: Duration.DurationInput,
  look: Look<A>
): Effect.Effect<Option.Option<A>> =>
  Effect.flatMap(virtual, (clock) =>
    clock === undefined
      ? Effect.timeoutTo(untilSeen(look), {
        duration,
        onSuccess: Option.some,
        onTimeout: Option.none
      })
      : stepping(system, { clock, look, millis: Duration.toMillis(duration) }))

const stepping = <A>(
  system: ActorSystemService,
  { clock, look: { look }, millis }: {
    readonly clock: TestClock.TestClock
    readonly look: Look<A>
    readonly millis: number
  }
): Effect.Effect<Option.Option<A>> =>
  Effect.gen(function*() {
    const end = (yield* clock.currentTimeMillis) + millis
    for (;;) {
      yield* settle(system)
      const seen = look()
      if (seen !== undefined) return Option.some(seen)
      const now = yield* clock.currentTimeMillis
      if (now >= end) return Option.none()
      const due = Chunk.filter(yield* clock.sleeps, (time) => time > now)
      yield* clock.setTime(Chunk.reduce(due, end, (first, time) => Math.min(first, time)))
    }
  })

const untilSeen = <A>({ look, onChange }: Look<A>): Effect.Effect<A> =>
  Effect.async((resume) => {
    let ignore: (() => void) | undefined
    const check = () => {
      const seen = look()
      if (seen === undefined) return
      ignore?.()
      resume(Effect.succeed(seen))
    }
    ignore = onChange(check)
    check()
    return Effect.sync(() => ignore?.())
  })
