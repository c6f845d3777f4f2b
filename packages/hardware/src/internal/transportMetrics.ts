/** What the transports count, under names that both share. */
import { Metric } from "effect"

/** Messages that were thrown away, by reason: they broke a bound, or could not be handed over. */
const dropped = Metric.counter("plantd_transport_dropped_total", {
  description: "Messages that a transport threw away, by reason",
  incremental: true
})

/** Received messages with more frames than `framesMax`. */
export const droppedFrames = Metric.tagged(dropped, "reason", "frames-max")

/** Messages that a socket refused after it had promised to take them. */
export const droppedUnsent = Metric.tagged(dropped, "reason", "unsent")

/** Counts one, from plain code. */
export const increment = (counter: typeof droppedFrames): void => {
  counter.unsafeUpdate(1, [])
}
