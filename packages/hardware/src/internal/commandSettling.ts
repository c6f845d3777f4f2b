/**
 * Commands of unknown outcome: looked after on the device, in the order they were given, until it
 * is known what became of them, or a person must decide.
 */
import { Cause, Effect, Exit, Option, Schedule } from "effect"
import { type CommandRecord, settle as settled, type Settlement } from "../CommandJournal.ts"
import { ofRecord } from "../CommandStatus.ts"
import type { Desk } from "./commandDesk.ts"
import { type Look, lookOf } from "./commandLook.ts"

/** Between two looks at the device, in milliseconds. */
export const lookEveryMillis = 100

/**
 * How long a device is looked at before it is said that a command was not carried out, at the
 * least, in milliseconds: it may have begun with it right before its deadline.
 */
export const doubtMillis = 1_000

/**
 * How long a device that is online may show nothing of a command before a person must decide, in
 * milliseconds: longer than a link takes to notice that it is silent.
 */
export const hiddenMillis = 5_000

/** How long one look may take, in milliseconds. */
export const lookMillis = 1_000

/** Between two tries to store an outcome that the store did not take, in milliseconds. */
export const storeRetryMillis = 1_000

/** Outcomes between two times that old ones are forgotten. */
export const forgetEvery = 256

/** Commands that are looked through for the last one that was sent. */
const recoverPage = 100

/** The mark of a command that another one came after, in a former life of the actor. */
const before = -1

const dayMillis = 86_400_000

type Known = Omit<Settlement, "outcomeAt">

/**
 * Stores what became of a command. It is true whether or not the store takes it: where it does not,
 * that is tried again until it does, and a crash meanwhile leaves an unknown outcome.
 */
export const store = (desk: Desk, commandId: string, known: Known): Effect.Effect<void> =>
  Effect.suspend(() => {
    const sentAt = desk.sent.get(commandId)?.wall
    desk.sent.delete(commandId)
    const settlement = {
      ...known,
      ...(sentAt === undefined ? {} : { sentAt }),
      outcomeAt: desk.state.arrival().wall
    }
    const write = desk.store.settle(desk.holder, commandId, settlement).pipe(
      Effect.catchTag("Superseded", () => desk.yieldDevice)
    )
    return Effect.catchTag(write, "StoreUnavailable", (error) =>
      Effect.zipRight(
        desk.warn("journal", `the outcome of ${commandId} is not stored yet: ${error.message}`),
        desk.fork(
          Effect.ignore(Effect.retry(write, Schedule.spaced(storeRetryMillis)))
        )
      ))
  }).pipe(Effect.zipRight(Effect.suspend(() => forgetSometimes(desk))))

const forgetSometimes = (desk: Desk): Effect.Effect<void> => {
  desk.settled++
  if (desk.settled % forgetEvery !== 0) return Effect.void
  const { journalDays, journalKeep } = desk.state.settings
  const before = desk.state.arrival().wall - journalDays * dayMillis
  return desk.fork(
    Effect.ignore(desk.store.forget(desk.holder, { before, keep: journalKeep }))
  )
}

/**
 * Looks at the device until it shows that the command was carried out, for as long as it may take
 * to show, and not beyond `untilMillis`. `hidden`: nothing that can be trusted was seen.
 */
export const look = (
  desk: Desk,
  at: Look,
  { leastMillis = 0, untilMillis = Infinity }: {
    readonly leastMillis?: number
    readonly untilMillis?: number
  }
): Effect.Effect<"shown" | "not-shown" | "hidden"> =>
  Effect.suspend(() => {
    const withinMillis = Math.max(leastMillis, at.withinMillis)
    const until = Math.min(untilMillis, desk.state.arrival().now + withinMillis)
    const once: Effect.Effect<"shown" | "not-shown" | "hidden"> = Effect.flatMap(
      Effect.suspend(() =>
        readingOf(desk, at, Math.min(lookMillis, untilMillis - desk.state.arrival().now))
      ),
      (seen) => {
        if (seen === "shown" || desk.state.arrival().now >= until) return Effect.succeed(seen)
        return Effect.zipRight(
          Effect.sleep(Math.min(lookEveryMillis, Math.max(1, until - desk.state.arrival().now))),
          once
        )
      }
    )
    return once
  })

const readingOf = (desk: Desk, at: Look, deadlineMillis: number) =>
  Effect.map(
    Effect.exit(desk.state.link.read([at.attribute], { deadlineMillis })),
    (exit) => {
      if (Exit.isFailure(exit)) return "hidden" as const
      const [reading] = desk.state.table.reply(exit.value, desk.state.arrival(), {
        everyone: false
      })
      if (reading?.quality !== "good") return "hidden" as const
      return at.shows(reading.value) ? "shown" as const : "not-shown" as const
    }
  )

/** Takes up a command that was just sent, and settles it as far as can be done now. */
export const settleLater = (
  desk: Desk,
  record: CommandRecord,
  mark: number
): Effect.Effect<void> =>
  Effect.suspend(() => {
    desk.unsettled.set(record.commandId, record)
    desk.marks.set(record.commandId, mark)
    return settleNow(desk, record)
  })

/** Settles all that is open, the oldest first, in a turn of its own. */
export const settleAll = (desk: Desk): Effect.Effect<void> =>
  Effect.flatMap(
    desk.lane.take(Infinity, () => {}),
    () => Effect.ensuring(settleOpen(desk), Effect.sync(() => desk.lane.release()))
  )

/** Settles all that is open, the oldest first, in the turn that its caller has. */
export const settleOpen = (desk: Desk): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(
      [...desk.unsettled.values()].filter(({ commandId }) => desk.marks.has(commandId)),
      (record) => settleNow(desk, record),
      { discard: true }
    )
  )

const settleNow = (
  desk: Desk,
  record: CommandRecord,
  hiddenUntil = desk.state.arrival().now + hiddenMillis
): Effect.Effect<void> => {
  const at = lookOf(desk.state.definition, record.name, argsOf(record))
  if (at === undefined) return conclude(desk, record, personDecides("nothing tells of it"))
  if (isFollowed(desk, record)) return conclude(desk, record, personDecides(followed))
  if (desk.state.reach.phase !== "online") return Effect.void
  return Effect.flatMap(look(desk, at, { leastMillis: doubtMillis }), (seen) => {
    // Meanwhile a person may have said what became of it, or an emergency command have been sent.
    if (!desk.marks.has(record.commandId)) return Effect.void
    if (isFollowed(desk, record)) return conclude(desk, record, personDecides(followed))
    if (seen === "shown") return conclude(desk, record, { state: "succeeded", settledBy: at.by })
    // Unreachable while it was looked at: it is looked at again when the link is back.
    if (seen === "hidden" && desk.state.reach.phase !== "online") return Effect.void
    // A link that has just fallen silent counts as online for some seconds yet.
    if (seen === "hidden" && desk.state.arrival().now < hiddenUntil) {
      return Effect.delay(
        Effect.suspend(() => settleNow(desk, record, hiddenUntil)),
        lookEveryMillis
      )
    }
    if (seen === "hidden") {
      return conclude(desk, record, personDecides(`${at.attribute} cannot be read`))
    }
    return conclude(desk, record, {
      state: "failed",
      settledBy: at.by,
      detail: `it was not carried out, by what ${at.attribute} reads`
    })
  })
}

const personDecides = (why: string): Known => ({
  state: "unresolved",
  detail: `${why}: a person must look, and say what became of it`
})

const followed = "another command was sent after it, so the device may show what that one did"

const isFollowed = (desk: Desk, { commandId }: CommandRecord): boolean =>
  desk.changes !== desk.marks.get(commandId)

const argsOf = ({ args }: CommandRecord): unknown =>
  Option.getOrUndefined(Option.liftThrowable(() => JSON.parse(args) as unknown)())

/** Stores what is known of it now, tells everyone, and keeps it where it is still open. */
export const conclude = (
  desk: Desk,
  record: CommandRecord,
  known: Known
): Effect.Effect<CommandRecord> =>
  Effect.suspend(() => {
    const next = settled(record, { ...known, outcomeAt: desk.state.arrival().wall })
    if (known.state === "unresolved") desk.unsettled.set(record.commandId, next)
    else desk.unsettled.delete(record.commandId)
    desk.marks.delete(record.commandId)
    countUnresolved(desk)
    desk.listeners.tell(ofRecord(desk.state.id, next))
    const said = desk.warn(
      `settled ${known.state}`,
      `${record.name} (${record.commandId}), whose outcome was unknown, is ${known.state}`
        + (known.detail === undefined ? "" : `: ${known.detail}`)
    )
    return store(desk, record.commandId, known).pipe(Effect.zipRight(said), Effect.as(next))
  })

const countUnresolved = (desk: Desk): void => {
  let count = 0
  for (const { state } of desk.unsettled.values()) if (state === "unresolved") count++
  desk.onUnresolved(count)
}

/** Takes up what a former life of the actor left open. */
export const recover = (
  desk: Desk,
  open: ReadonlyArray<CommandRecord>
): Effect.Effect<void> =>
  open.length === 0
    // An alarm of a former life may be left, whose command was settled before the alarm was.
    ? Effect.sync(() => countUnresolved(desk))
    : Effect.flatMap(lastSent(desk), (last) => takeUp(desk, open, last))

/** The newest command that may have reached the device; none where the journal is not read. */
const lastSent = (desk: Desk): Effect.Effect<string | undefined> =>
  desk.store.history(desk.holder.device, { limit: recoverPage }).pipe(
    Effect.map((newest) => newest.find(({ state }) => state !== "rejected")?.commandId),
    Effect.orElseSucceed(() => undefined)
  )

const takeUp = (
  desk: Desk,
  open: ReadonlyArray<CommandRecord>,
  last: string | undefined
): Effect.Effect<void> =>
  Effect.forEach(open, (record) => {
    const known = record.state === "executing"
      ? settled(record, {
        state: "outcome-unknown",
        detail: "the node ended before its outcome was known",
        outcomeAt: desk.state.arrival().wall
      })
      : record
    desk.unsettled.set(record.commandId, known)
    if (known.state === "outcome-unknown") {
      desk.marks.set(record.commandId, record.commandId === last ? desk.changes : before)
    }
    return known === record ? Effect.void : store(desk, record.commandId, {
      state: "outcome-unknown",
      ...(known.detail === undefined ? {} : { detail: known.detail })
    })
  }, { discard: true }).pipe(Effect.zipRight(Effect.sync(() => countUnresolved(desk))))

/** What a defect while settling leaves open is said, and looked at again with the next session. */
export const guarded = (desk: Desk, work: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.catchAllCause(work, (cause) =>
    Cause.isInterruptedOnly(cause)
      ? Effect.failCause(cause)
      : desk.warn("settling", `a command cannot be settled: ${Cause.pretty(cause)}`))
