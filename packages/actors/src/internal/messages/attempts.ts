/** Counts attempts at durable messages. */
import { Metric, MetricLabel } from "effect"

const messages = Metric.counter("plantd_durable_messages_total", {
  description: "attempts at durable messages, by what became of them",
  incremental: true
})

/** One attempt, by what became of it. */
export const countAttempt = (outcome: string): void =>
  messages.unsafeUpdate(1, [MetricLabel.make("outcome", outcome)])
