/** The suite `hardware`: what a device actor does with a device process over ZeroMQ on TCP. */
import { SqliteClient } from "@effect/sql-sqlite-node"
import { ActorSystem } from "@plantd/actors"
import { Link, Subscription, ZmqTransport } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer, Logger, LogLevel, Schedule, type Scope, Stream } from "effect"
import { join } from "node:path"
import { batchReadings, deviceId, Probe } from "../device/probe.ts"
import { type DeviceProcess, deviceProcess } from "../device/start.ts"
import { type Contender, duration, type Measure, rate, type Suite } from "../Figure.ts"
import { folder } from "../folder.ts"
import * as bare from "../peers/bare.ts"

/** Batches between two looks at the clock; all of them have room in the queues on their way. */
const batchesEach = 200

/** Longest wait for what was published; beyond it something was lost. */
const lostAfter = "20 seconds"

/** A round trip passes through both processes: so long until their code is compiled. */
const warmUpTimes = 4

/** 10,000 readings a second. */
const loadEveryMillis = 10

/** So much longer does a measurement under load take: its P99 needs many commands. */
const loadTimes = 5

interface Rig {
  readonly device: DeviceProcess
  readonly client: Effect.Effect.Success<ReturnType<typeof clientFor>>
}

const clientFor = ({ endpoints }: DeviceProcess) =>
  Effect.gen(function*() {
    // Its journal is WAL, and synced, as on a node that is not to forget.
    const filename = join(yield* folder, "devices.db")
    const store = SqlDeviceStore.layer.pipe(Layer.provide(SqliteClient.layer({ filename })))
    const services = yield* Layer.build(
      Probe.toLayer({ link: ({ config }) => Link.zmq(config), config: () => endpoints }).pipe(
        Layer.provideMerge(ActorSystem.layer),
        Layer.provide([ZmqTransport.layer, store])
      )
    )
    const client = (yield* Effect.provide(Probe.client, services))(deviceId)
    const known = Effect.map(
      client.snapshot,
      (all) => Object.values(all).every(({ quality }) => quality === "good")
    )
    yield* Effect.repeat(known, { until: (yes) => yes, schedule: Schedule.spaced("10 millis") })
    return client
  }).pipe(Effect.timeout(lostAfter), Effect.orDie)

/** A device actor with its link online, and the process at the other end. */
const rig: Effect.Effect<Rig, never, Scope.Scope> = Effect.gen(function*() {
  const device = yield* deviceProcess
  return { device, client: yield* clientFor(device) }
}).pipe(Logger.withMinimumLogLevel(LogLevel.None))

/** Waits until a subscriber of everything was told so many readings more; dies of a gap. */
const subscriber = ({ client }: Rig) =>
  Effect.gen(function*() {
    let [told, wanted, gaps] = [0, Infinity, 0]
    let resume = () => {}
    const all = client.subscribe(Probe.order, { mode: "all", capacity: Subscription.capacityMax })
    yield* Effect.forkScoped(Stream.runForEachChunk(all, (items) =>
      Effect.sync(() => {
        for (const item of items) {
          if (Subscription.isGap(item)) gaps++
          else told++
        }
        if (told >= wanted) resume()
      })))
    // First comes what is known already, one reading of each attribute.
    const untilTold = (count: number) =>
      Effect.async<void>((done) => {
        wanted = count
        resume = () => done(Effect.void)
        if (told >= wanted) resume()
      })
    yield* untilTold(Probe.order.length)
    return (count: number, publish: Effect.Effect<void>) =>
      Effect.suspend(() => {
        const until = told + count
        return Effect.zipRight(publish, untilTold(until)).pipe(
          Effect.filterOrDieMessage(() => gaps === 0, "readings were lost")
        )
      }).pipe(Effect.timeout(lostAfter), Effect.orDie)
  })

const readings: Contender = Effect.gen(function*() {
  const given = yield* rig
  const receive = yield* subscriber(given)
  const run = (count: number) =>
    receive(
      count,
      given.device.publish({ by: "plantd", batches: count / batchReadings, everyMillis: 0 })
    )
  return rate({ size: batchesEach * batchReadings, run })
})

const bareReadings: Contender = Effect.gen(function*() {
  const device = yield* deviceProcess
  const receive = yield* bare.receiver(device.endpoints.bareTelemetry)
  const run = (count: number) => {
    const batches = count / batchReadings
    return Effect.zipRight(
      device.publish({ by: "bare", batches, everyMillis: 0 }),
      receive(batches)
    ).pipe(Effect.timeout(lostAfter), Effect.orDie)
  }
  return rate({ size: batchesEach * batchReadings, run })
})

/** The median of a request of the client, one outstanding. */
const median = (request: (client: Rig["client"]) => Effect.Effect<unknown, unknown>): Contender =>
  Effect.map(rig, ({ client }) => duration(0.5, Effect.orDie(request(client))))

const bareTrips = (exchange: bare.Exchange): Contender =>
  Effect.flatMap(
    deviceProcess,
    ({ endpoints }) => bare.roundTrips(endpoints.bareCommands, exchange)
  )

/** Commands are journalled: beside what promises nothing, and beside the writes that this takes. */
const commandPeers = {
  bare: bareTrips("command"),
  synced: Effect.flatMap(
    deviceProcess,
    ({ endpoints }) => bare.syncedRoundTrips(endpoints.bareCommands, "command")
  )
}

/** The P99 of commands while readings come in, all of which must have come at the end. */
const commandUnderLoad: Contender = Effect.gen(function*() {
  const given = yield* rig
  const receive = yield* subscriber(given)
  const commands = duration(0.99, Effect.orDie(given.client.step({ by: 1 })))
  const measure: Measure = (millis) => {
    const batches = Math.ceil(millis * loadTimes / loadEveryMillis)
    const publish = given.device.publish({
      by: "plantd",
      batches,
      everyMillis: loadEveryMillis
    })
    return Effect.map(
      Effect.all([commands(millis * loadTimes), receive(batches * batchReadings, publish)], {
        concurrency: "unbounded"
      }),
      ([micros]) => micros / 1e3
    )
  }
  return measure
})

/** Readings by the batch, reads, writes and commands one at a time, commands among readings. */
export const suite: Suite = {
  name: "hardware",
  figures: [
    {
      name: "readings",
      unit: "readings/s",
      better: "higher",
      subject: readings,
      peers: { bare: bareReadings }
    },
    {
      name: "read",
      unit: "µs",
      better: "lower",
      warmUpTimes,
      subject: median((client) => client.read.x),
      peers: { bare: bareTrips("read") }
    },
    {
      name: "write",
      unit: "µs",
      better: "lower",
      warmUpTimes,
      subject: median((client) => client.write.target(5)),
      peers: commandPeers
    },
    {
      name: "command",
      unit: "µs",
      better: "lower",
      warmUpTimes,
      subject: median((client) => client.step({ by: 1 })),
      peers: commandPeers
    },
    {
      name: "command-p99-under-load",
      unit: "ms",
      better: "lower",
      warmUpTimes,
      roundsMax: 9,
      subject: commandUnderLoad,
      peers: {}
    }
  ]
}
