/** What is wrong with the readings of a device: counted, and said now and then. */
import { Monotonic } from "@plantd/core"
import { Effect, Metric, MetricLabel, Runtime } from "effect"
import { LogLimiter } from "./logLimiter.ts"

const invalidTotal = Metric.counter("plantd_device_readings_invalid_total", {
  description: "Readings of the wrong type or not finite",
  incremental: true
})
const unknownTotal = Metric.counter("plantd_device_readings_unknown_total", {
  description: "Readings of attributes that the device does not have",
  incremental: true
})

/** Counts what is wrong with readings, and says so now and then. */
export const makeFaults = Effect.fnUntraced(function*(id: string) {
  const runtime = yield* Effect.runtime()
  const clock = yield* Effect.clock
  const logged = new LogLimiter()
  const invalid = { readingsInvalid: 0, readingsUnknown: 0 }
  const labels = [MetricLabel.make("device", id)]
  const warn = (kind: string, text: string) => {
    const suppressed = logged.admit(kind, Monotonic.millis(clock))
    if (suppressed === undefined) return
    const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
    Runtime.runFork(runtime)(
      Effect.annotateLogs(Effect.logWarning(text + more), { device: id })
    )
  }
  return {
    invalid,
    faults: {
      onInvalid: (attribute: string, reason: string) => {
        invalid.readingsInvalid++
        invalidTotal.unsafeUpdate(1, labels)
        warn(attribute, `a reading of attribute ${attribute} is bad: ${reason}`)
      },
      onUnknown: (index: number) => {
        invalid.readingsUnknown++
        unknownTotal.unsafeUpdate(1, labels)
        warn("", `a reading of an unknown attribute, number ${index}, was dropped`)
      }
    }
  }
})
