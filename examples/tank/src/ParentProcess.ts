/** Notices when the process that started this one has ended, so that none is left behind. */
import { Duration, Effect, Schedule } from "effect"

/** How often the parent is looked for, in ms. */
const lookMillis = 250

/**
 * Succeeds when the process with this id is not the parent of this one any more: when the channel
 * to it closes, or the system gives this process another parent. Windows tells of the former alone.
 */
export const parentGone = (parent: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    const adopted = Effect.sync(() => process.ppid !== parent).pipe(
      Effect.repeat({
        until: (gone) => gone,
        schedule: Schedule.spaced(Duration.millis(lookMillis))
      }),
      Effect.asVoid
    )
    return Effect.raceFirst(adopted, channelClosed)
  })

const channelClosed = Effect.async<void>((resume) => {
  if (!process.connected) return Effect.void
  const onDisconnect = () => resume(Effect.void)
  process.once("disconnect", onDisconnect)
  return Effect.sync(() => process.off("disconnect", onDisconnect))
})
