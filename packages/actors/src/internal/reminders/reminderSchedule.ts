/** When a reminder ticks next: pure functions of what is stored and of the time. */
import type { Progress, StoredReminder, UnreadableReminder } from "../../ReminderStore.ts"

/** Whether no tick may be begun any more. */
export const isExpired = ({ expiresAt }: StoredReminder, now: number): boolean =>
  expiresAt !== undefined && now >= expiresAt

/** How many ticks were missed: those that are due by `now`, but for the oldest. */
export const missed = ({ dueAt, periodMillis }: StoredReminder, now: number): number =>
  periodMillis === undefined ? 0 : Math.max(0, Math.floor((now - dueAt) / periodMillis))

/**
 * What follows a tick that was begun last at `begun` and is over; `undefined` where nothing does.
 * It stands for all that were due by then. The next ones keep to the times of the first: no drift.
 */
export const afterTick = (reminder: StoredReminder, begun: number): Progress | undefined => {
  const { dueAt, expiresAt, periodMillis, ticksLeft } = reminder
  if (periodMillis === undefined || (ticksLeft !== undefined && ticksLeft <= 1)) return undefined
  const next = dueAt + (missed(reminder, begun) + 1) * periodMillis
  if (expiresAt !== undefined && next >= expiresAt) return undefined
  return {
    dueAt: next,
    ticksLeft: ticksLeft === undefined ? undefined : ticksLeft - 1,
    attempts: 0,
    refusals: 0,
    attemptAt: next
  }
}

/** The same tick again, later. */
export const again = (
  { dueAt, ticksLeft }: StoredReminder,
  { attemptAt, attempts, refusals }: Pick<Progress, "attempts" | "refusals" | "attemptAt">
): Progress => ({ dueAt, ticksLeft, attempts, refusals, attemptAt: Math.ceil(attemptAt) })

/** The most reminders that are read at a time, where most are those of other nodes. */
const reachMax = 16_384

/** After so long, in ms, it is looked again where some of what was read was of other nodes. */
export const besideOthersMillis = 1_000

/**
 * Whether a reminder of ours that is due may stand behind those that were read. They come in the
 * order of their times: not where one of ours among them is not due yet.
 */
export const mayHide = (
  mine: ReadonlyArray<StoredReminder | UnreadableReminder>,
  ticksAtOnceMax: number,
  now: number
): boolean =>
  mine.length < ticksAtOnceMax
  && !mine.some((row) => !("reason" in row) && row.attemptAt > now)

/** How many to read at a time: more, as long as those of other nodes may hide ours. */
export const nextReach = (
  reach: number,
  { hidden, least }: { readonly hidden: boolean; readonly least: number }
): number => hidden ? Math.min(reachMax, reach * 2) : Math.max(least, reach / 2)
