/**
 * The behaviour of a device actor: it opens the link, keeps the newest readings, lets them grow
 * stale, and sends commands one at a time.
 */
import { ActorContext, ActorSystem } from "@plantd/actors"
import { Epoch, Identifier, Monotonic } from "@plantd/core"
import {
  Effect,
  Mailbox,
  Metric,
  MetricLabel,
  ParseResult,
  Queue,
  Runtime,
  type Schema,
  type Scope,
  Stream
} from "effect"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import { ConfigInvalid, SubscribersFull } from "../DeviceError.ts"
import type { Batch } from "../DeviceProtocol.ts"
import { DeviceStore } from "../DeviceStore.ts"
import type { Link, LinkMaker, LinkOwner, LinkStatus } from "../LinkPort.ts"
import { capacityMax, type Mode, Subscription } from "../Subscription.ts"
import { type Arrival, AttributeTable } from "./attributeTable.ts"
import { type CommandLane, commandLane, commandsOf, readError } from "./deviceCommands.ts"
import type { DeviceStatus } from "./deviceProtocol.ts"
import { LogLimiter } from "./logLimiter.ts"

/** The bounds of a device actor. */
export interface Settings {
  /** Commands that wait for the one under way; beyond it they are rejected as busy. */
  readonly commandQueueMax: number
  /** Subscriptions at a time; beyond it they fail with `SubscribersFull`. */
  readonly subscribersMax: number
}

/** All that the actors of a type of device are made from. */
export interface Setup<E, R> {
  readonly definition: DeviceDefinition
  readonly link: (device: { readonly id: string; readonly config: unknown }) => LinkMaker<E, R>
  readonly config: (id: string) => unknown
  readonly node: string
  readonly settings: Settings
}

/** What the parts of a device actor share. */
export interface DeviceState {
  readonly id: string
  readonly definition: DeviceDefinition
  readonly settings: Settings
  readonly table: AttributeTable
  readonly link: Link
  readonly lane: CommandLane
  readonly arrival: () => Arrival
}

const invalidTotal = Metric.counter("plantd_device_readings_invalid_total", {
  description: "Readings of the wrong type or not finite",
  incremental: true
})
const unknownTotal = Metric.counter("plantd_device_readings_unknown_total", {
  description: "Readings of attributes that the device does not have",
  incremental: true
})

/** Changes of the link that wait for a slow reader; the oldest are forgotten. */
const statusesMax = 64

/** The handlers of one incarnation of a device actor. */
export const build = <E, R>(setup: Setup<E, R>) =>
  Effect.gen(function*() {
    const actor = yield* ActorContext
    const id = Identifier.DeviceId.make(actor.address.id)
    const config = yield* decodeConfig(setup, id)
    const store = yield* DeviceStore
    // Before the link is opened: from here on, whoever had the device before writes nothing.
    const claimed = yield* store.claim(actor.address, { fence: undefined })
    const { faults, invalid } = yield* makeFaults(id)
    const clock = yield* Effect.clock
    const arrival = (): Arrival => ({
      wall: clock.unsafeCurrentTimeMillis(),
      now: Monotonic.millis(clock)
    })
    const growth: Growth = { wake: yield* Queue.sliding<void>(1), at: Infinity }
    const onDue = (at: number) => {
      if (at < growth.at) Queue.unsafeOffer(growth.wake, undefined)
    }
    const table = new AttributeTable(id, setup.definition, { wall: arrival().wall, faults, onDue })
    let epoch: number | undefined
    const readers = new Set<StatusReader>()
    const owner: LinkOwner = {
      device: id,
      node: setup.node,
      fence: claimed.fence,
      epoch: Epoch.Epoch.make(actor.incarnation),
      description: setup.definition.description,
      onBatch: (batch) => table.publish(batch, arrival()),
      onSnapshot: (batch) => {
        table.reply(batch, arrival(), { everyone: true })
      },
      onMissing: ({ count, epoch, seq }) => {
        const gap = { _tag: "Gap", missing: count, cause: "link", epoch, seq } as const
        for (const subscription of table.subscriptions) subscription.gap(gap)
      },
      onStatus: (status) => {
        if (epoch !== undefined && status.epoch !== epoch) {
          table.growAll("the device process was started anew", arrival().now)
        }
        epoch = status.epoch
        if (status.state === "lost" || status.state === "disconnected") {
          const reason = `the link is ${status.state}: ${status.reason ?? "no reason known"}`
          table.growAll(reason, arrival().now)
        }
        for (const reader of readers) reader.unsafeOffer(status)
      }
    }
    const link = yield* setup.link({ id, config })(owner)
    const { definition, settings } = setup
    const lane = yield* commandLane(settings.commandQueueMax)
    const state: DeviceState = { id, definition, settings, table, link, lane, arrival }
    yield* Effect.forkScoped(growStale(state, growth))
    const { engine } = yield* ActorSystem
    const withFaults = (status: LinkStatus): DeviceStatus => ({ ...status, ...invalid })
    return {
      ...commandsOf(state, () => engine.now()),
      Read: (asked: Asked) => read(state, asked),
      Snapshot: () => Effect.sync(() => table.all),
      Status: () => Effect.map(link.status, withFaults),
      StatusChanges: () => Stream.map(changes(link, readers), withFaults),
      Subscribe: (wanted: Wanted) => subscribe(state, wanted)
    }
  })

interface Asked {
  readonly attributes: ReadonlyArray<string>
  readonly timeoutMillis: number
}

interface Wanted {
  readonly attributes: ReadonlyArray<string>
  readonly mode: Mode
  readonly capacity: number
}

const decodeConfig = <E, R>(setup: Setup<E, R>, id: string) =>
  Effect.mapError(
    ParseResult.decodeUnknown(setup.definition.config as Schema.Schema<unknown>)(setup.config(id)),
    (issue) =>
      new ConfigInvalid({
        type: setup.definition.name,
        device: id,
        detail: ParseResult.TreeFormatter.formatIssueSync(issue)
      })
  )

/** Counts what is wrong with readings, and says so now and then. */
const makeFaults = Effect.fnUntraced(function*(id: string) {
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

/** When readings are looked at next, and what ends the sleep until then. */
interface Growth {
  readonly wake: Queue.Queue<void>
  at: number
}

// A reading that comes meanwhile is not due before the shortest maxAge, so long to sleep at most;
// one that was measured long before it was sent may be, and ends the sleep.
const growStale = (state: DeviceState, growth: Growth): Effect.Effect<void> =>
  state.table.maxAgeMin === Infinity ? Effect.void : Effect.suspend(() => {
    const { now } = state.arrival()
    state.table.grow(now)
    const left = Math.min(state.table.dueAt - now, state.table.maxAgeMin)
    growth.at = now + left
    // Whole milliseconds: a sleep for a part of one may end before the time that is waited for.
    const sleep = Effect.sleep(Math.max(1, Math.ceil(left)))
    return Effect.raceFirst(sleep, Queue.take(growth.wake))
  }).pipe(Effect.forever)

const read = (state: DeviceState, asked: Asked) => {
  const operation = `read.${asked.attributes.join(",")}`
  return Effect.mapBoth(
    state.link.read(asked.attributes, { deadlineMillis: asked.timeoutMillis }),
    {
      onFailure: (error) => readError({ device: state.id, operation }, error),
      onSuccess: (batch: Batch) => state.table.reply(batch, state.arrival(), { everyone: false })
    }
  )
}

const subscribe = (state: DeviceState, wanted: Wanted) =>
  Stream.unwrapScoped(Effect.map(
    register(state, wanted),
    (subscription) => Stream.repeatEffectChunk(subscription.take)
  ))

const register = (
  state: DeviceState,
  wanted: Wanted
): Effect.Effect<Subscription, SubscribersFull, Scope.Scope> => {
  const { settings: { subscribersMax }, table } = state
  return Effect.acquireRelease(
    Effect.suspend(() => {
      if (table.subscriptions.size >= subscribersMax) {
        return Effect.fail(new SubscribersFull({ device: state.id, subscribersMax }))
      }
      const capacity = Math.max(1, Math.min(wanted.capacity, capacityMax))
      const subscription = new Subscription(table.rulesOf(wanted.attributes), {
        mode: wanted.mode,
        capacity
      })
      table.subscribe(subscription, state.arrival().now)
      return Effect.succeed(subscription)
    }),
    (subscription) => Effect.sync(() => table.subscriptions.delete(subscription))
  )
}

type StatusReader = Mailbox.Mailbox<LinkStatus>

const changes = (link: Link, readers: Set<StatusReader>): Stream.Stream<LinkStatus> =>
  Stream.unwrapScoped(Effect.map(
    Effect.zip(statusReader(readers), link.status),
    ([later, now]) => Stream.concat(Stream.succeed(now), Mailbox.toStream(later))
  ))

const statusReader = (readers: Set<StatusReader>) =>
  Effect.acquireRelease(
    Effect.tap(
      Mailbox.make<LinkStatus>({ capacity: statusesMax, strategy: "sliding" }),
      (reader) => readers.add(reader)
    ),
    (reader) => Effect.sync(() => readers.delete(reader))
  )
