/**
 * The way of one command: refused, or in its turn; intended, sent, and settled. What may be sent
 * again follows from its effect, and from what is known of its first byte.
 */
import { Cause, Deferred, Effect, Option } from "effect"
import * as Errors from "../DeviceError.ts"
import { type Desk, type Flight, type Job, leftOf, tellOf } from "./commandDesk.ts"
import { refusalOf } from "./commandGate.ts"
import { answerWith, errorOf, reject, repeat, settle, stateOf } from "./commandOutcome.ts"
import { attempt, intend, reachable, reading } from "./commandSend.ts"

/** Commands of unknown outcome, of one device; beyond it no further pulse is sent. */
export const unsettledMax = 256

/** Brings a job to its end. Its asker is answered as soon as there is something to say. */
export const run = (desk: Desk, flight: Flight): Effect.Effect<void> =>
  check(desk, flight.job).pipe(
    Effect.zipRight(Effect.suspend(() => inTurn(desk, flight))),
    Effect.catchAllCause((cause) => refuse(desk, flight, cause)),
    Effect.ensuring(Effect.sync(() => desk.flights.delete(flight.job.commandId)))
  )

const refuse = (
  desk: Desk,
  flight: Flight,
  cause: Cause.Cause<Errors.CommandError>
): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.sync(() => {
      const error = Option.getOrUndefined(Cause.failureOption(cause))
      if (error !== undefined) tellOf(desk, flight, stateOf(error), { detail: error.message })
    }),
    Deferred.failCause(flight.answer, cause)
  )

const check = (desk: Desk, job: Job): Effect.Effect<void, Errors.CommandRejected> =>
  Effect.suspend(() => {
    const refusal = refusalOf(desk.state, job)
    return refusal === undefined ? Effect.void : reject(job, refusal.reason, refusal.detail)
  })

const inTurn = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> => {
  const { job } = flight
  if (job.effect !== "read") desk.newest.set(job.name, job.commandId)
  if (job.lane === "emergency") {
    desk.emergencies++
    return perform(desk, flight)
  }
  tellOf(desk, flight, "queued")
  const turn = desk.lane.take(job.until - desk.state.arrival().now, (cancel) => {
    flight.cancel = cancel
  })
  return Effect.flatMap(turn, (waited) => {
    flight.cancel = undefined
    switch (waited) {
      case "cancelled":
        return Effect.fail(new Errors.CommandCancelled({ ...job.of, commandId: job.commandId }))
      case "expired":
        return reject(job, "expired", "its deadline passed while it waited for its turn")
      case "turn":
        return Effect.ensuring(perform(desk, flight), Effect.sync(() => desk.lane.release()))
    }
  })
}

/** In its turn: checked once more, intended, sent and settled. */
const perform = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> =>
  Effect.gen(function*() {
    const { job } = flight
    if (leftOf(desk, job) <= 0) {
      return yield* reject(job, "expired", "its deadline passed before it was sent")
    }
    yield* check(desk, job)
    yield* reachable(desk, job)
    if (job.effect === "read") {
      tellOf(desk, flight, "executing")
      return yield* answerWith(
        flight,
        yield* Effect.mapError(reading(desk, flight), (error) => errorOf(job, error))
      )
    }
    if (job.effect === "pulse" && desk.unsettled.size >= unsettledMax) {
      return yield* reject(job, "busy", `${unsettledMax} commands are unsettled (unsettledMax)`)
    }
    const repeated = yield* intend(desk, job)
    if (repeated !== undefined) {
      const answer = yield* repeat(job, repeated)
      return void (yield* Deferred.succeed(flight.answer, answer))
    }
    desk.lastSent.set(job.name, job.commandId)
    tellOf(desk, flight, "executing")
    yield* settle(desk, flight, yield* Effect.exit(attempt(desk, flight)))
  })
