/**
 * How a command gets to its device: intended first, then sent, and sent again only where its effect
 * and what is known of its first byte allow it.
 */
import { Effect } from "effect"
import type { CommandRecord } from "../CommandJournal.ts"
import * as Errors from "../DeviceError.ts"
import { type LinkError as LinkFailure, NoAnswer } from "../LinkPort.ts"
import { type Desk, type Flight, intentOf, type Job, leftOf, tellOf } from "./commandDesk.ts"
import { refusalOf } from "./commandGate.ts"
import { emergencyJournalMillis, notJournalled, reject, seen, Withheld } from "./commandOutcome.ts"
import { look } from "./commandSettling.ts"

/** How long a command waits for a degraded link, in milliseconds; a lost one fails it at once. */
export const blinkMillis = 1_000

/** How long a `read` command waits for an answer before it is sent again, in milliseconds. */
export const readAttemptMillis = 500

/** After so long without an answer, in ms, it is stored by itself that a command was sent. */
export const sentNoteMillis = 10

/** Waits a blink of the link out: nothing was sent yet, so nothing can happen twice. */
export const reachable = (desk: Desk, job: Job): Effect.Effect<void, Errors.DeviceUnavailable> =>
  Effect.suspend(() => {
    const { reach } = desk.state
    if (reach.phase === "online") return Effect.void
    const wait = reach.phase === "degraded"
      ? reach.changed(Math.min(blinkMillis, leftOf(desk, job)))
      : Effect.void
    return Effect.flatMap(wait, () =>
      reach.phase === "online" ? Effect.void : Effect.fail(
        new Errors.DeviceUnavailable({ ...job.of, link: reach.phase, reason: reach.reason })
      ))
  })

/**
 * Stores the intent of a job, or gives what is stored where its id was used before. An emergency
 * stop is not held up by a full disk: it goes out all the same, and that is said.
 */
export const intend = (
  desk: Desk,
  job: Job
): Effect.Effect<CommandRecord | undefined, Errors.CommandError> => {
  const stored = desk.store.intend(desk.holder, intentOf(desk, job)).pipe(
    Effect.catchTags({
      Superseded: (error) =>
        Effect.zipRight(desk.yieldDevice, reject(job, "stale-fence", error.message)),
      StoreUnavailable: (error) => Effect.fail(notJournalled(job, error)),
      ValueTooLarge: (error) => reject(job, "validation", error.message),
      CorruptRow: (error) => Effect.fail(notJournalled(job, error))
    })
  )
  if (job.lane !== "emergency") return stored
  return stored.pipe(
    Effect.disconnect,
    Effect.timeoutFail({
      duration: emergencyJournalMillis,
      onTimeout: () => notJournalled(job, { message: `no answer in ${emergencyJournalMillis} ms` })
    }),
    Effect.catchTag("JournalUnavailable", (error) =>
      Effect.as(
        desk.warn("emergency", `${job.name} is sent without a journal: ${error.detail}`),
        undefined
      ))
  )
}

/** Sends what may be sent again until the deadline, since it changes nothing. */
export const reading = (desk: Desk, flight: Flight): Effect.Effect<unknown, LinkFailure> =>
  Effect.suspend(() => {
    const left = leftOf(desk, flight.job)
    return Effect.catchTag(
      send(desk, flight, Math.min(left, readAttemptMillis)),
      "NoAnswer",
      (error) =>
        leftOf(desk, flight.job) > 0 && desk.state.reach.phase === "online"
          ? reading(desk, flight)
          : Effect.fail(error)
    )
  })

const send = (desk: Desk, flight: Flight, millis: number): Effect.Effect<unknown, LinkFailure> => {
  const { job } = flight
  return job.send({
    commandId: job.commandId,
    deadlineMillis: millis,
    effect: job.effect,
    lane: job.lane,
    onSent: () => noteSent(desk, job),
    onProgress: (progress, message) => {
      flight.progress = progress
      tellOf(desk, flight, "executing", message === undefined ? {} : { detail: message })
    }
  })
}

// For people who read the journal: what is decided of a command does not depend on it. So it goes
// with the outcome where that comes soon, and costs no write of its own.
const noteSent = (desk: Desk, { commandId, effect }: Job): void => {
  if (effect === "read") return
  desk.sent.set(commandId, desk.state.arrival())
  if (desk.noting) return
  desk.noting = true
  desk.start(noteSlow(desk))
}

/** Stores when those were sent that have no answer for long, until there are none. */
const noteSlow = (desk: Desk): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.sleep(sentNoteMillis),
    Effect.suspend(() => {
      const { now } = desk.state.arrival()
      for (const [commandId, at] of desk.sent) {
        if (now - at.now < sentNoteMillis) continue
        desk.sent.delete(commandId)
        const write = desk.store.sent(desk.holder, { commandId, sentAt: at.wall })
        desk.start(Effect.ignore(write))
      }
      desk.noting = desk.sent.size > 0
      return desk.noting ? noteSlow(desk) : Effect.void
    })
  )

/**
 * Sends a command whose intent is stored. What provably did not leave is sent again while the link
 * only blinks. A `set` that nobody answered is looked after; where the device is not as it was set,
 * it is sent once more under the same id, unless it was superseded or its asker no longer may.
 */
export const attempt = (
  desk: Desk,
  flight: Flight
): Effect.Effect<unknown, LinkFailure | Withheld> =>
  Effect.suspend(() => {
    const { job } = flight
    const { emergencies } = desk
    const looks = job.effect === "set" && job.look !== undefined
    if (!looks) return firstTry(desk, flight, 1)
    // Half of the time is for the first try, so that the device refuses it when it comes late.
    return Effect.catchTag(firstTry(desk, flight, 2), "NoAnswer", (error) =>
      Effect.flatMap(lookFor(desk, job), (found) => {
        // What another command may have done says nothing of this one.
        if (found && desk.changes === flight.mark) {
          return Effect.succeed(seen)
        }
        const again = !found && error.said !== true
          && desk.state.reach.phase === "online"
          && desk.emergencies === emergencies
          && desk.newest.get(job.name) === job.commandId
          && withheld(desk, job) === undefined
        return again ? once(desk, flight, error) : Effect.fail(error)
      }))
  })

/** The first try, in a part of the time; again where it did not leave, as the link blinked. */
const firstTry = (
  desk: Desk,
  flight: Flight,
  part: number
): Effect.Effect<unknown, LinkFailure | Withheld> =>
  Effect.suspend(() => {
    const { job } = flight
    const against = withheld(desk, job)
    if (against !== undefined) return Effect.fail(against)
    return Effect.catchTag(send(desk, flight, leftOf(desk, job) / part), "NotSent", (error) =>
      // An online link that does not take it has no room: to try at once again would not help.
      desk.state.reach.phase === "online" ? Effect.fail(error) : Effect.matchEffect(
        reachable(desk, job),
        {
          onFailure: () => Effect.fail(error),
          onSuccess: () => firstTry(desk, flight, part)
        }
      ))
  })

/** What speaks against it right before its first byte: much may have changed since it was asked. */
const withheld = (desk: Desk, job: Job): Withheld | undefined => {
  if (leftOf(desk, job) <= 0) {
    return new Withheld({ reason: "expired", detail: "its deadline passed before it was sent" })
  }
  if (!desk.hasLease()) {
    const detail = "the lease of this node is over, so another one may command the device"
    return new Withheld({ reason: "stale-fence", detail })
  }
  const refusal = refusalOf(desk.state, job)
  return refusal === undefined ? undefined : new Withheld(refusal)
}

// A refusal of the second try says nothing of the first: that stays as unknown as it was.
const once = (desk: Desk, flight: Flight, first: NoAnswer): Effect.Effect<unknown, LinkFailure> =>
  Effect.mapError(
    send(desk, flight, leftOf(desk, flight.job)),
    (error) =>
      error._tag === "Refused" || error._tag === "NotSent"
        ? new NoAnswer({ detail: `${first.detail}; sent again, ${error.message}` })
        : error
  )

const lookFor = (desk: Desk, job: Job): Effect.Effect<boolean> =>
  job.look === undefined
    ? Effect.succeed(false)
    : Effect.map(
      look(desk, job.look, { untilMillis: job.until }),
      (found) => found === "shown"
    )
