/** What makes a driver run: it binds the sockets, and keeps the fibers that serve them. */
import type { Epoch } from "@plantd/core"
import { Effect, Either, FiberSet, type Scope } from "effect"
import * as Protocol from "../DeviceProtocol.ts"
import type { Counters } from "../Driver.ts"
import { DriverObserver } from "../DriverObserver.ts"
import { DriverStore, type DriverStoreError } from "../DriverStore.ts"
import { Transport, type TransportError } from "../Transport.ts"
import { commandCodec, type Publication } from "./driverHandlers.ts"
import { CommandMemory } from "./driverMemory.ts"
import * as Requests from "./driverRequests.ts"
import { watchSilence } from "./driverSafety.ts"
import { Sessions } from "./driverSessions.ts"
import { driverMetrics, type DriverState, nowOf, type Setup, warn } from "./driverState.ts"
import { LogLimiter } from "./logLimiter.ts"

/** A driver that serves, without its types. */
export interface Running {
  readonly epoch: Epoch.Epoch
  readonly endpoints: { readonly commands: string; readonly telemetry: string }
  readonly publish: (readings: ReadonlyArray<Publication>) => Effect.Effect<void>
  readonly counters: Effect.Effect<Counters>
}

/** Between two measurements of how late timers are, in milliseconds. */
const lagProbeMillis = 500

/** Binds the sockets, takes a new epoch and serves until the scope is closed. */
export const start = Effect.fnUntraced(function*(
  setup: Setup
): Effect.fn.Return<
  Running,
  TransportError | DriverStoreError,
  Transport | DriverStore | Scope.Scope
> {
  const driver = yield* open(setup)
  driver.tell({ _tag: "Started", epoch: driver.epoch })
  yield* Effect.addFinalizer(() => sayGoodbye(driver))
  yield* Effect.forkScoped(receiveAll(driver))
  yield* Effect.forkScoped(pulse(driver))
  yield* Effect.forkScoped(measureLag(driver))
  if (setup.options.onSilence !== undefined) yield* Effect.forkScoped(watchSilence(driver))
  return {
    epoch: driver.epoch,
    endpoints: { commands: driver.router.endpoint, telemetry: driver.publisher.endpoint },
    publish: (readings) => publish(driver, readings),
    counters: Effect.sync(() => ({ ...driver.counters }))
  }
})

const open = Effect.fnUntraced(function*(
  setup: Setup
): Effect.fn.Return<
  DriverState,
  TransportError | DriverStoreError,
  Transport | DriverStore | Scope.Scope
> {
  const { definition, options, settings } = setup
  const transport = yield* Transport
  const bind = { mode: "bind", allowRemote: options.allowRemote ?? false } as const
  const router = yield* transport.open({ ...bind, kind: "router", endpoint: options.commands })
  const publisher = yield* transport.open({ ...bind, kind: "pub", endpoint: options.telemetry })
  // The epoch is taken once the sockets are ours: a second process of this device takes none.
  const store = yield* DriverStore
  const epoch = yield* store.nextEpoch(options.device)
  const highestFence = yield* store.highestFence(options.device)
  const observe = yield* DriverObserver
  const observed = { type: definition.name, id: options.device }
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  return {
    ...setup,
    epoch,
    router,
    publisher,
    clock: yield* Effect.clock,
    store,
    sessions: new Sessions(settings.sessionsMax, highestFence),
    raising: { turn: yield* Effect.makeSemaphore(1), waiting: 0, fence: highestFence },
    memory: new CommandMemory(settings.commandsRemembered),
    codecs: new Map(
      Object.entries(definition.commands).map(([name, command]) => [name, commandCodec(command)])
    ),
    indices: new Map(definition.order.map((name, index) => [name, index])),
    fork: (work) =>
      Effect.sync(() => {
        // Up to where it first waits, at once: most work never waits.
        run(work, { immediate: true })
      }),
    turn: yield* Effect.makeSemaphore(1),
    safeTurn: yield* Effect.makeSemaphore(1),
    logged: new LogLimiter(),
    tell: (deed) => observe(observed, deed),
    counters: {
      readingsPublished: 0,
      commandsExecuted: 0,
      commandsRefused: 0,
      commandsDuplicate: 0,
      framesMalformed: 0,
      sendsFailed: 0
    },
    seq: 0,
    readsRunning: 0,
    commands: { ordinary: 0, emergency: 0 },
    lagMillis: 0,
    heardAt: undefined,
    silences: 0,
    hardware: { known: "ok", askedAt: undefined }
  }
})

// Receiving fails where the socket is closed: the driver ends, or nothing can be done about it.
const receiveAll = (driver: DriverState): Effect.Effect<void> =>
  driver.router.receive.pipe(
    Effect.flatMap((frames) => Requests.receive(driver, frames)),
    Effect.forever,
    Effect.catchAll((error) => warn(driver, "receive", error.message))
  )

const publish = (
  driver: DriverState,
  readings: ReadonlyArray<Publication>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (readings.length === 0) return Effect.void
    if (readings.length > Protocol.batchReadingsMax) {
      return Effect.zipRight(
        publish(driver, readings.slice(0, Protocol.batchReadingsMax)),
        publish(driver, readings.slice(Protocol.batchReadingsMax))
      )
    }
    const time = driver.clock.unsafeCurrentTimeMillis()
    const samples = readings.map((reading) => toSample(driver, reading, time))
    const seq = driver.seq + 1
    driver.seq += samples.length
    driver.counters.readingsPublished += samples.length
    driverMetrics.readings.unsafeUpdate(samples.length, [])
    return send(driver, { epoch: driver.epoch, seq, time, samples })
  })

const toSample = (driver: DriverState, reading: Publication, time: number): Protocol.Sample => {
  const index = driver.indices.get(reading.attribute)
  if (index === undefined) {
    throw new TypeError(
      `cannot publish ${JSON.stringify(reading.attribute)}:`
        + ` device ${driver.definition.name} has no such attribute`
    )
  }
  return {
    index,
    value: reading.value,
    offsetMillis: reading.time === undefined ? 0 : reading.time - time,
    quality: reading.quality ?? (reading.value === null ? "bad" : "good"),
    reason: reading.reason
  }
}

// A batch that is not sent leaves a gap in the numbers, by which the node notices.
const send = (driver: DriverState, batch: Protocol.Batch): Effect.Effect<void> =>
  Either.match(Protocol.encodeTelemetry({ device: driver.options.device, batch }), {
    onLeft: (error) => unsent(driver, error.message),
    onRight: (frames) =>
      Effect.catchAll(driver.publisher.send(frames), (error) => unsent(driver, error.message))
  })

const unsent = (driver: DriverState, reason: string): Effect.Effect<void> => {
  driver.counters.sendsFailed++
  return warn(driver, "publish", `a batch of readings was not sent: ${reason}`)
}

const pulse = (driver: DriverState): Effect.Effect<never> =>
  Effect.suspend(() =>
    send(driver, {
      epoch: driver.epoch,
      seq: driver.seq,
      time: driver.clock.unsafeCurrentTimeMillis(),
      samples: []
    })
  ).pipe(
    Effect.zipRight(Effect.sleep(driver.settings.heartbeatMillis)),
    Effect.forever
  )

const measureLag = (driver: DriverState): Effect.Effect<never> =>
  Effect.suspend(() => {
    const before = nowOf(driver)
    return Effect.map(Effect.sleep(lagProbeMillis), () => {
      driver.lagMillis = Math.max(0, nowOf(driver) - before - lagProbeMillis)
    })
  }).pipe(Effect.forever)

const sayGoodbye = (driver: DriverState): Effect.Effect<void> =>
  Effect.suspend(() => {
    const sessions = driver.sessions.all
    if (sessions.length === 0) return Effect.void
    const bye = Protocol.encode("BYE", Protocol.idOf("bye"), { reason: "the driver ends" })
    if (Either.isLeft(bye)) return Effect.void
    const all = Effect.forEach(
      sessions,
      // A node that is gone already needs no goodbye.
      (session) => Effect.ignore(driver.router.send([session.peer, ...bye.right])),
      { discard: true }
    )
    // What the transport has not sent when its socket closes is discarded: give it a moment.
    return driver.settings.goodbyeMillis > 0
      ? Effect.zipRight(all, Effect.sleep(driver.settings.goodbyeMillis))
      : all
  })
