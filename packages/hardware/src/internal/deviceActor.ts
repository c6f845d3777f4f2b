/**
 * The behaviour of a device actor: it opens the link, keeps the newest readings, lets them grow
 * stale, and sends commands one at a time.
 */
import { ActorContext, ActorSystem } from "@plantd/actors"
import { Epoch, Identifier, Monotonic } from "@plantd/core"
import { Effect, ParseResult, Queue, type Schema, type Scope, Stream } from "effect"
import { type DeviceDefinition, interlocksMax } from "../DeviceDefinition.ts"
import { ConfigInvalid, SubscribersFull } from "../DeviceError.ts"
import type { Batch } from "../DeviceProtocol.ts"
import { DeviceStore, type OutOfService } from "../DeviceStore.ts"
import type * as Interlock from "../Interlock.ts"
import type { Link, LinkMaker, LinkOwner, LinkStatus } from "../LinkPort.ts"
import { capacityMax, type Mode, Subscription } from "../Subscription.ts"
import { type Arrival, AttributeTable } from "./attributeTable.ts"
import { alarmHandlers, type DeviceAlarms, makeAlarms, watchAlarms } from "./deviceAlarms.ts"
import { commandsOf, readError } from "./deviceCommands.ts"
import { makeDesk } from "./deviceDesk.ts"
import { makeFaults } from "./deviceFaults.ts"
import { goOn, type Life, marksOf, type Operating } from "./deviceLife.ts"
import type { DeviceStatus } from "./deviceProtocol.ts"
import { DeviceReach } from "./deviceReach.ts"
import { InterlockWatch } from "./interlockWatch.ts"
import { Listeners } from "./listeners.ts"

/** The bounds of a device actor. */
export interface Settings {
  /** Commands that wait for the one under way; beyond it they are rejected as busy. */
  readonly commandQueueMax: number
  /** Subscriptions at a time; beyond it they fail with `SubscribersFull`. */
  readonly subscribersMax: number
  /** How many days the journal keeps commands that are settled; those of unknown outcome stay. */
  readonly journalDays: number
  /** How many settled commands the journal keeps, the newest. */
  readonly journalKeep: number
}

/** All that the actors of a type of device are made from. */
export interface Setup<E, R> {
  readonly definition: DeviceDefinition
  readonly link: (device: { readonly id: string; readonly config: unknown }) => LinkMaker<E, R>
  readonly config: (id: string) => unknown
  /** How this node is called by devices; as by others where nothing is said. */
  readonly node: string | undefined
  readonly settings: Settings
}

/** What the parts of a device actor share. */
export interface DeviceState {
  readonly id: string
  readonly definition: DeviceDefinition
  readonly settings: Settings
  readonly table: AttributeTable
  readonly link: Link
  readonly reach: DeviceReach
  readonly life: Life
  readonly lease: Operating
  readonly arrival: () => Arrival
}

/** The longest name of a node in the device protocol; of a longer one the end tells more. */
const nodeNameMax = 128

/** Changes of the link that wait for a slow reader; the oldest are forgotten. */
const statusesMax = 64

/** The handlers of one incarnation of a device actor. */
export const build = <E, R>(setup: Setup<E, R>) =>
  Effect.gen(function*() {
    const actor = yield* ActorContext
    const id = Identifier.DeviceId.make(actor.address.id)
    const clock = yield* Effect.clock
    const arrival = (): Arrival => ({
      wall: clock.unsafeCurrentTimeMillis(),
      now: Monotonic.millis(clock)
    })
    const life: Life = { now: { state: "unconfigured", since: arrival().wall } }
    goOn(life, "configuring", { since: arrival().wall })
    const config = yield* decodeConfig(setup, id)
    const store = yield* DeviceStore
    // Before the link is opened: from here on, whoever had the device before writes nothing.
    const claimed = yield* store.claim(actor.address, { fence: undefined })
    const holder = { device: actor.address, fence: claimed.fence }
    goOn(life, "inactive", { since: arrival().wall })
    const { definition, settings } = setup
    const alarms = yield* makeAlarms({
      actor,
      definition,
      settings,
      store,
      holder,
      claimed,
      arrival
    })
    const parts = yield* makeParts(setup, { id, arrival, alarms })
    const owner = ownerOf(setup, parts, {
      device: id,
      node: (setup.node ?? actor.node).slice(-nodeNameMax),
      fence: claimed.fence,
      epoch: Epoch.Epoch.make(actor.incarnation)
    })
    const link = yield* setup.link({ id, config })(owner)
    const { reach, table } = parts
    const lease: Operating = { held: claimed.lease }
    const state: DeviceState = {
      id,
      definition,
      settings,
      table,
      link,
      reach,
      life,
      lease,
      arrival
    }
    const desk = yield* makeDesk({ actor, state, store, holder, claimed, ...parts })
    yield* Effect.forkScoped(growStale(state, parts.growth))
    yield* Effect.forkScoped(watchAlarms(alarms, table))
    enterService(life, claimed.outOfService, arrival().wall)
    const { engine } = yield* ActorSystem
    const withFaults = (status: LinkStatus): DeviceStatus => ({ ...status, ...parts.invalid })
    const turn = yield* Effect.makeSemaphore(1)
    return {
      ...commandsOf(desk, () => engine.now()),
      ...alarmHandlers(alarms),
      ...marksOf({ id, store, holder, life, lease, turn, wall: () => arrival().wall }),
      Read: (asked: Asked) => read(state, asked),
      Snapshot: () => Effect.sync(() => table.all),
      Status: () => Effect.map(link.status, withFaults),
      StatusChanges: () =>
        Stream.map(parts.statuses.stream(Effect.map(link.status, Array.of)), withFaults),
      Subscribe: (wanted: Wanted) => subscribe(state, wanted)
    }
  })

// What a person took out of service stays so, whichever node runs its actor next.
const enterService = (life: Life, outOfService: OutOfService | undefined, since: number): void => {
  if (outOfService !== undefined) {
    const { at, by, reason } = outOfService
    life.now = { state: "inactive", since: at, by, reason }
    return
  }
  goOn(life, "activating", { since })
  goOn(life, "active", { since })
}

/** What is there before the link is: it tells them what happens. */
const makeParts = Effect.fnUntraced(function*<E, R>(
  { definition }: Setup<E, R>,
  { alarms, arrival, id }: {
    readonly id: Identifier.DeviceId
    readonly arrival: () => Arrival
    readonly alarms: DeviceAlarms
  }
) {
  const { faults, invalid } = yield* makeFaults(id)
  const growth: Growth = { wake: yield* Queue.sliding<void>(1), at: Infinity }
  const trips = yield* Queue.sliding<Interlock.Interlock>(interlocksMax)
  const watch = new InterlockWatch(definition, trips)
  const table = new AttributeTable(id, definition, {
    wall: arrival().wall,
    faults,
    onDue: (at) => {
      if (at < growth.at) Queue.unsafeOffer(growth.wake, undefined)
    },
    onReading: (reading) => {
      watch.onReading(reading)
      return alarms.board.onReading(reading)
    }
  })
  return {
    alarms,
    arrival,
    invalid,
    growth,
    trips,
    table,
    reach: new DeviceReach(),
    statuses: new Listeners<LinkStatus>(statusesMax),
    online: yield* Queue.sliding<void>(1)
  }
})

type LinkParts = Effect.Effect.Success<ReturnType<typeof makeParts>>

const ownerOf = <E, R>(
  { definition }: Setup<E, R>,
  { alarms, arrival, online, reach, statuses, table }: LinkParts,
  holder: Pick<LinkOwner, "device" | "node" | "fence" | "epoch">
): LinkOwner => ({
  ...holder,
  description: definition.description,
  onBatch: (batch) => table.publish(batch, arrival()),
  onSnapshot: (batch) => {
    table.reply(batch, arrival(), { everyone: true })
  },
  onMissing: ({ count, epoch, seq }) => {
    const gap = { _tag: "Gap", missing: count, cause: "link", epoch, seq } as const
    for (const subscription of table.subscriptions) subscription.gap(gap)
  },
  onStatus: (status) => {
    if (reach.epoch !== undefined && status.epoch !== reach.epoch) {
      table.growAll("the device process was started anew", arrival().now)
    }
    if (status.state === "lost" || status.state === "disconnected") {
      const reason = `the link is ${status.state}: ${status.reason ?? "no reason known"}`
      table.growAll(reason, arrival().now)
    }
    if (status.state === "online" && reach.phase !== "online") {
      Queue.unsafeOffer(online, undefined)
    }
    alarms.board.onLink(status.state)
    reach.note(status)
    statuses.tell(status)
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
