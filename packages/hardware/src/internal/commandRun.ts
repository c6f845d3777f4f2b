/**
 * The way of one command: refused, or in its turn; intended, sent, and settled. What may be sent
 * again follows from its effect, and from what is known of its first byte.
 */
import { Cause, Deferred, Effect, Fiber, Option } from "effect"
import * as Errors from "../DeviceError.ts"
import { type Desk, type Flight, leftOf, tellOf } from "./commandDesk.ts"
import { refusalOf } from "./commandGate.ts"
import { answerWith, errorOf, reject, repeat, settle, stateOf } from "./commandOutcome.ts"
import { attempt, intend, reachable, reading } from "./commandSend.ts"
import { settleOpen } from "./commandSettling.ts"

/** Commands of unknown outcome, of one device; beyond it no further pulse is sent. */
export const unsettledMax = 256

/** Brings a job to its end. Its asker is answered as soon as there is something to say. */
export const run = (desk: Desk, flight: Flight): Effect.Effect<void> =>
  Effect.suspend(() => inTurn(desk, flight)).pipe(
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

const inTurn = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> => {
  const { job } = flight
  const refusal = refusalOf(desk.state, job)
  if (refusal !== undefined) return reject(job, refusal.reason, refusal.detail)
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
        return Effect.ensuring(
          Effect.suspend(() => perform(desk, flight)),
          Effect.sync(() => desk.lane.release())
        )
    }
  })
}

/** In its turn: checked once more, intended, sent and settled. Plain code, as each passes here. */
const perform = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> => {
  const { job } = flight
  if (leftOf(desk, job) <= 0) {
    return reject(job, "expired", "its deadline passed before it was sent")
  }
  const refusal = refusalOf(desk.state, job)
  if (refusal !== undefined) return reject(job, refusal.reason, refusal.detail)
  if (desk.state.reach.phase !== "online") {
    return Effect.flatMap(reachable(desk, job), () => perform(desk, flight))
  }
  return desk.marks.size === 0 || job.effect === "read" || job.lane === "emergency"
    ? execute(desk, flight)
    : settleFirst(desk, flight)
}

/**
 * What became of older commands is looked for before this one is sent: afterwards nobody could tell
 * whose doing it is that the device shows. Its asker is told in time where that takes too long.
 */
const settleFirst = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> => {
  const { answer, job } = flight
  const tooLong = reject(job, "expired", "its deadline passed while older ones were looked after")
  const tell = Effect.delay(Deferred.complete(answer, tooLong), leftOf(desk, job))
  return Effect.fork(tell).pipe(
    Effect.flatMap((telling) => Effect.ensuring(settleOpen(desk), Fiber.interrupt(telling))),
    Effect.zipRight(Deferred.isDone(answer)),
    Effect.flatMap((told) => told ? tooLong : perform(desk, flight))
  )
}

const execute = (desk: Desk, flight: Flight): Effect.Effect<void, Errors.CommandError> => {
  const { job } = flight
  if (job.effect === "read") {
    tellOf(desk, flight, "executing")
    return Effect.matchEffect(reading(desk, flight), {
      onFailure: (error) => Effect.fail(errorOf(job, error)),
      onSuccess: (result) => answerWith(flight, result)
    })
  }
  if (job.effect === "pulse" && desk.unsettled.size >= unsettledMax) {
    return reject(job, "busy", `${unsettledMax} commands are unsettled (unsettledMax)`)
  }
  return Effect.flatMap(intend(desk, job), (known) => {
    if (known !== undefined) {
      return Effect.flatMap(
        repeat(job, known),
        (answer) => Effect.asVoid(Deferred.succeed(flight.answer, answer))
      )
    }
    flight.mark = ++desk.changes
    tellOf(desk, flight, "executing")
    return Effect.flatMap(Effect.exit(attempt(desk, flight)), (exit) => {
      if (job.lane === "emergency") marked(desk, flight)
      return settle(desk, flight, exit)
    })
  })
}

// It may have acted until now: what was sent meanwhile is to be told from it, too.
const marked = (desk: Desk, flight: Flight): void => {
  const alone = desk.changes === flight.mark
  desk.emergencies++
  desk.changes++
  if (alone) flight.mark = desk.changes
}
