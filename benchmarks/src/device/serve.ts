/** The device process of the suite `hardware`: a driver of plantd, and its peer beside it. */
import { Driver, DriverStore, ZmqTransport } from "@plantd/hardware"
import { Effect, Layer, Logger } from "effect"
import * as bare from "../peers/bare.ts"
import { batchReadings, deviceId, type Endpoints, Probe, type Publish } from "./probe.ts"

type Reading = Parameters<Driver.Driver<typeof Probe>["publishAll"]>[0][number]

const names = ["x", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "target"] as const

/** What the process was asked to publish, one after the other. */
const publishing = (publishers: Record<Publish["by"], Effect.Effect<void>>) => {
  const publish = ({ batches, by, everyMillis }: Publish) => {
    const once = publishers[by]
    if (everyMillis === 0) return Effect.replicateEffect(once, batches, { discard: true })
    const begin = performance.now()
    let sent = 0
    // By the time that has passed, so that a late timer makes up for it.
    const due = Effect.suspend(() => {
      const owed = Math.min(batches, Math.floor((performance.now() - begin) / everyMillis))
      const now = owed - sent
      sent = owed
      return Effect.replicateEffect(once, now, { discard: true })
    })
    return due.pipe(
      Effect.zipRight(Effect.sleep(everyMillis / 2)),
      Effect.repeat({ until: () => sent === batches })
    )
  }
  return (asked: Publish) => Effect.asVoid(publish(asked))
}

const program = Effect.gen(function*() {
  let [steps, value, target] = [0, 0, 0]
  const driver = yield* Driver.serve(Probe, {
    read: {
      x: Effect.sync(() => value),
      u1: Effect.sync(() => value),
      u2: Effect.sync(() => value),
      u3: Effect.sync(() => value),
      u4: Effect.sync(() => value),
      u5: Effect.sync(() => value),
      u6: Effect.sync(() => value),
      u7: Effect.sync(() => value),
      u8: Effect.sync(() => value),
      target: Effect.sync(() => target)
    },
    write: {
      target: (given: number) =>
        Effect.sync(() => {
          target = given
        })
    },
    commands: { step: ({ by }: { readonly by: number }) => Effect.sync(() => steps += by) }
  }, { device: deviceId, commands: "tcp://127.0.0.1:*", telemetry: "tcp://127.0.0.1:*" })
  const peer = yield* bare.serve
  // Each value is another one: no reading is left out as a repetition.
  const next = (): Array<Reading> =>
    Array.from({ length: batchReadings }, (_, i) => ({
      attribute: names[i % names.length] ?? "x",
      value: ++value + 0.5
    }))
  const publish = publishing({
    plantd: Effect.suspend(() => driver.publishAll(next())),
    bare: peer.publish
  })
  process.on("message", (asked: Publish) => void Effect.runFork(publish(asked)))
  const endpoints: Endpoints = {
    ...driver.endpoints,
    bareCommands: peer.commands,
    bareTelemetry: peer.telemetry
  }
  process.send?.(endpoints)
  return yield* Effect.never
})

// Whoever started it is gone: nobody is left to measure.
process.on("disconnect", () => process.exit(0))

const toStandardError = Logger.replace(
  Logger.defaultLogger,
  Logger.withConsoleError(Logger.logfmtLogger)
)

/** Serves until the process that asks is gone. */
export const main = Effect.scoped(program).pipe(
  Effect.provide(Layer.mergeAll(ZmqTransport.layer, DriverStore.memory, toStandardError))
)
