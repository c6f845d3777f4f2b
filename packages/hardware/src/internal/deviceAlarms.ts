/**
 * The alarms of a device actor: its board, what drives it, what is told, logged, counted and stored
 * of it, and the handlers by which people see and acknowledge alarms.
 */
import type { ActorContextService, DurableError } from "@plantd/actors"
import { Alarm, type AlarmMachine } from "@plantd/core"
import {
  Effect,
  Fiber,
  Either,
  Metric,
  MetricLabel,
  ParseResult,
  Queue,
  Schema,
  Stream
} from "effect"
import { shelveMillisMax } from "../DeviceAlarm.ts"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import {
  AcknowledgementStale,
  AlarmUnknown,
  ShelvingInvalid,
  SubscribersFull
} from "../DeviceError.ts"
import type { Claimed, DeviceStoreService, Holder, WriteError } from "../DeviceStore.ts"
import { AlarmBoard, type Entry } from "./alarmBoard.ts"
import { AlarmLedger } from "./alarmLedger.ts"
import { alarmTeller } from "./alarmTeller.ts"
import type { Arrival, AttributeTable } from "./attributeTable.ts"
import { Conflated } from "./conflated.ts"

/** A wall clock that is set is noticed within this time, where a shelving is to end. */
const wallLookMillis = 60_000

/** What the alarms of a device actor are made from. */
export interface Parts {
  readonly actor: ActorContextService
  readonly definition: DeviceDefinition
  readonly settings: { readonly subscribersMax: number }
  readonly store: DeviceStoreService
  readonly holder: Holder
  readonly claimed: Claimed
  readonly arrival: () => Arrival
}

/** The alarms of one incarnation of a device actor. */
export interface DeviceAlarms {
  readonly board: AlarmBoard
  readonly id: string
  readonly ledger: AlarmLedger
  readonly readers: Set<Conflated<string, Alarm.Instance>>
  readonly subscribersMax: number
  /** Ends the sleep until something is due, where something is due before. */
  readonly wake: Queue.Queue<void>
  readonly arrival: () => Arrival
  /** When time is looked at next. */
  readonly scheduled: { now: number; wall: number }
}

/** Takes up the alarms as they are stored. What changes is stored until the scope closes. */
export const makeAlarms = Effect.fnUntraced(function*(parts: Parts) {
  const { actor, arrival, claimed, definition, holder, settings: { subscribersMax }, store } = parts
  const id = actor.address.id
  const readers = new Set<Conflated<string, Alarm.Instance>>()
  const scheduled = { now: -Infinity, wall: -Infinity }
  const wake = yield* Queue.sliding<void>(1)
  const tell = yield* alarmTeller(id, arrival)
  const ledger = new AlarmLedger({
    store,
    holder,
    labels: [MetricLabel.make("device", id)],
    warn: tell.warn,
    yieldDevice: Effect.zipRight(
      Effect.logWarning("another node took the device over: its actor stops here"),
      actor.stopAs("superseded")
    )
  }, { wake: yield* Queue.sliding<void>(1), turn: yield* Effect.makeSemaphore(1) })
  const board = new AlarmBoard(definition.alarms, {
    fence: claimed.fence,
    stored: yield* restored(definition, claimed),
    arrival,
    onDue: (due) => {
      if (due.now < scheduled.now || due.wall < scheduled.wall) Queue.unsafeOffer(wake, undefined)
    },
    onChange: (change) => {
      tell.change(change)
      if (change.events.some(isLasting)) ledger.note(change.instance)
      for (const reader of readers) reader.tell(change.instance.alarm, change.instance)
    }
  })
  tell.begin(board.instances)
  // What ended while no actor ran is over from the start.
  board.tick()
  // The last to end: what happens while the link is closed is stored as well.
  yield* Effect.addFinalizer(() => Effect.zipRight(Effect.sync(tell.end), ledger.flush))
  // A write under way is not waited for longer than by the flush.
  yield* Effect.acquireRelease(
    Effect.forkDaemon(Effect.interruptible(ledger.run)),
    Fiber.interruptFork
  )
  return { board, id, ledger, readers, subscribersMax, wake, arrival, scheduled }
})

// Whether a value says how the condition is, nobody knows anyway after a restart.
const isLasting = ({ _tag }: AlarmMachine.Event): boolean => _tag !== "Held" && _tag !== "Known"

/** Wakes whenever an alarm is due. What then changes an alarm is told to subscribers. */
export const watchAlarms = (
  { arrival, board, scheduled, wake }: DeviceAlarms,
  table: AttributeTable
): Effect.Effect<never> =>
  Effect.forever(Effect.suspend(() => {
    for (const attribute of board.tick()) table.renew(attribute, arrival().now)
    const { now, wall } = arrival()
    const due = board.dueAt
    scheduled.now = due.now
    scheduled.wall = due.wall
    const left = Math.min(
      due.now - now,
      due.wall === Infinity ? Infinity : Math.min(due.wall - wall, wallLookMillis)
    )
    const woken = Queue.take(wake)
    // Whole milliseconds: a sleep for a part of one may end before the time that is waited for.
    return left === Infinity
      ? woken
      : Effect.raceFirst(Effect.sleep(Math.max(1, Math.ceil(left))), woken)
  }))

/** Who acknowledges what was seen. */
export interface Acknowledgement {
  readonly alarm: string
  readonly occurrenceId: string
  readonly severity: Alarm.Severity
  readonly by: string
}

/** Who shelves what, for how long and why. */
export interface Shelving {
  readonly alarm: string
  readonly forMillis: number
  readonly by: string
  readonly reason?: string
}

/** The handlers of a device's alarms. */
export const alarmHandlers = (alarms: DeviceAlarms) => ({
  Alarms: () => Effect.sync(() => alarms.board.instances),
  AlarmChanges: () => changes(alarms),
  Acknowledge: ({ alarm, ...seen }: Acknowledgement) =>
    inTurn(alarms, alarm, (entry) => acknowledge(alarms, entry, seen)),
  Shelve: (shelving: Shelving) =>
    inTurn(alarms, shelving.alarm, (entry) => shelve(alarms, entry, shelving)),
  Unshelve: ({ alarm, by }: { readonly alarm: string; readonly by: string }) =>
    inTurn(alarms, alarm, (entry) => commit(alarms, entry, { _tag: "Unshelve", by }))
})

const inTurn = <E>(
  { board, id, ledger }: DeviceAlarms,
  alarm: string,
  run: (entry: Entry) => Effect.Effect<Alarm.Instance, E>
): Effect.Effect<Alarm.Instance, E | AlarmUnknown | DurableError.StoreUnavailable> =>
  Effect.suspend((): Effect.Effect<
    Alarm.Instance,
    E | AlarmUnknown | DurableError.StoreUnavailable
  > => {
    const entry = board.find(alarm)
    return entry === undefined
      ? Effect.fail(new AlarmUnknown({ device: id, alarm, known: board.ids }))
      : ledger.inTurn(Effect.suspend(() => run(entry)))
  })

const acknowledge = (
  alarms: DeviceAlarms,
  entry: Entry,
  seen: Omit<Acknowledgement, "alarm">
): Effect.Effect<Alarm.Instance, AcknowledgementStale | WriteError> => {
  const input: AlarmMachine.Input = { _tag: "Acknowledge", ...seen }
  const check = (events: ReadonlyArray<AlarmMachine.Event>) => {
    const refused = events.find((event) => event._tag === "Refused")
    const now = entry.tracked.instance
    if (refused?._tag !== "Refused") return Effect.succeed(now)
    refusedTotal.unsafeUpdate(1, [MetricLabel.make("device", alarms.id)])
    const { occurrenceId, severity } = seen
    return Effect.fail(
      new AcknowledgementStale({
        device: alarms.id,
        alarm: entry.definition.id,
        reason: refused.reason,
        seen: { occurrenceId, severity },
        now
      })
    )
  }
  const { events } = alarms.board.rehearse(entry, input)
  return Effect.zipRight(
    check(events),
    Effect.flatMap(committed(alarms, entry, input), check)
  )
}

const shelve = (
  alarms: DeviceAlarms,
  entry: Entry,
  { alarm, by, forMillis, reason }: Shelving
): Effect.Effect<Alarm.Instance, ShelvingInvalid | WriteError> => {
  if (!(forMillis > 0 && forMillis <= shelveMillisMax)) {
    const forMillisMax = shelveMillisMax
    return Effect.fail(new ShelvingInvalid({ device: alarms.id, alarm, forMillis, forMillisMax }))
  }
  const until = alarms.arrival().wall + forMillis
  return commit(alarms, entry, { _tag: "Shelve", until, by, reason })
}

const commit = (alarms: DeviceAlarms, entry: Entry, input: AlarmMachine.Input) =>
  Effect.map(committed(alarms, entry, input), () => entry.tracked.instance)

// Stored before it counts: what a person was told of is so after any crash.
const committed = (
  { board, ledger }: DeviceAlarms,
  entry: Entry,
  input: AlarmMachine.Input
): Effect.Effect<ReadonlyArray<AlarmMachine.Event>, WriteError> =>
  Effect.suspend(() => {
    const rehearsal = board.rehearse(entry, input)
    const { after, before } = rehearsal
    if (after.instance === before.instance) return Effect.succeed(rehearsal.events)
    return Effect.map(
      ledger.save(after.instance, () => entry.tracked.instance),
      () => board.commit(entry, rehearsal, input)
    )
  })

const changes = (alarms: DeviceAlarms): Stream.Stream<Alarm.Instance, SubscribersFull> =>
  Stream.unwrapScoped(Effect.map(
    Effect.acquireRelease(
      Effect.suspend(() => {
        const { board, id, readers, subscribersMax } = alarms
        if (readers.size >= subscribersMax) {
          return Effect.fail(new SubscribersFull({ device: id, subscribersMax }))
        }
        const reader = new Conflated<string, Alarm.Instance>()
        for (const instance of board.instances) reader.tell(instance.alarm, instance)
        readers.add(reader)
        return Effect.succeed(reader)
      }),
      (reader) => Effect.sync(() => alarms.readers.delete(reader))
    ),
    (reader) => Stream.repeatEffectChunk(reader.take)
  ))

const refusedTotal = Metric.counter("plantd_device_alarms_acknowledgements_refused_total", {
  description: "Acknowledgements of what was no longer so",
  incremental: true
})

const decodeInstance = ParseResult.decodeUnknownEither(Schema.parseJson(Alarm.Instance))

// An alarm whose row cannot be read begins anew: where its condition holds, it is raised again.
const restored = Effect.fnUntraced(function*(
  { alarms: definitions }: DeviceDefinition,
  { alarms: rows }: Claimed
) {
  const stored = new Map<string, Alarm.Instance>()
  for (const { alarm, value } of rows) {
    const decoded = decodeInstance(value)
    if (!definitions.some(({ id }) => id === alarm)) {
      yield* Effect.logInfo(`alarm ${alarm} is stored and no longer defined: it is left as it is`)
    } else if (Either.isRight(decoded)) {
      stored.set(alarm, decoded.right)
    } else {
      const reason = ParseResult.TreeFormatter.formatIssueSync(decoded.left)
      yield* Effect.logError(`what is stored of alarm ${alarm} cannot be read: ${reason}`)
    }
  }
  return stored
})
