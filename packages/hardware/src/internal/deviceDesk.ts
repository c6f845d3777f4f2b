/** Sets up the command path of a device actor: what it shares, and what runs beside handlers. */
import type { ActorContextService } from "@plantd/actors"
import { Effect, FiberSet, Metric, MetricLabel, type Queue, Schedule } from "effect"
import type { CommandStatus } from "../CommandStatus.ts"
import type { Claimed, DeviceStoreService, Holder } from "../DeviceStore.ts"
import type * as Interlock from "../Interlock.ts"
import type { Desk, Job } from "./commandDesk.ts"
import { CommandLane } from "./commandLane.ts"
import { lookOf } from "./commandLook.ts"
import { guarded, recover, settleAll } from "./commandSettling.ts"
import { submit } from "./deviceCommands.ts"
import type { DeviceState } from "./deviceActor.ts"
import type { DeviceAlarms } from "./deviceAlarms.ts"
import { actOnTrips } from "./interlockWatch.ts"
import { Listeners } from "./listeners.ts"
import { LogLimiter } from "./logLimiter.ts"

/** Changes of commands that wait for a slow listener; the oldest are forgotten. */
const statusesMax = 1_024

/** How long a command that an interlock gives may take, in milliseconds. */
export const tripMillis = 5_000

/** How often it is given again where it did not succeed. */
const tripAttempts = 3

const outcomes = Metric.counter("plantd_device_commands_total", {
  description: "Commands by what became of them",
  incremental: true
})

/** What a command path is made from. */
export interface Parts {
  readonly actor: ActorContextService
  readonly state: DeviceState
  readonly store: DeviceStoreService
  readonly holder: Holder
  readonly claimed: Claimed
  readonly alarms: Pick<DeviceAlarms, "board">
  /** Holds a token whenever a session began. */
  readonly online: Queue.Dequeue<void>
  readonly trips: Queue.Queue<Interlock.Interlock>
}

/** The command path of one incarnation; what a former one left open is taken up. */
export const makeDesk = Effect.fnUntraced(function*(parts: Parts) {
  const { actor, alarms, claimed, holder, online, state, store, trips } = parts
  const run = yield* FiberSet.makeRuntime<never, void, never>()
  const logged = new LogLimiter()
  const start = (work: Effect.Effect<void>) => {
    // Up to where it first waits, at once: most work never waits.
    run(work, { immediate: true })
  }
  const desk: Desk = {
    state,
    store,
    holder,
    lane: new CommandLane(),
    flights: new Map(),
    unsettled: new Map(),
    sent: new Map(),
    noting: false,
    newest: new Map(),
    marks: new Map(),
    changes: 0,
    listeners: new Counted(state.id, statusesMax),
    start,
    fork: (work) => Effect.sync(() => start(work)),
    hasLease: actor.hasLease,
    yieldDevice: Effect.zipRight(
      Effect.logWarning("another node took the device over: its actor stops here"),
      actor.stopAs("superseded")
    ),
    onUnresolved: (count) => alarms.board.setUnresolved(count),
    warn: (kind, text) =>
      Effect.suspend(() => {
        const suppressed = logged.admit(kind, state.arrival().now)
        if (suppressed === undefined) return Effect.void
        const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
        return Effect.annotateLogs(Effect.logWarning(text + more), { device: state.id })
      }),
    emergencies: 0,
    trips: 0,
    settled: 0
  }
  yield* recover(desk, claimed.unsettled)
  const settling = Effect.forever(
    Effect.zipRight(online.take, Effect.suspend(() => guarded(desk, settleAll(desk))))
  )
  yield* Effect.forkScoped(settling)
  yield* Effect.forkScoped(actOnTrips(trips, (interlock) => trip(desk, interlock)))
  return desk
})

/** Counts what became of commands on its way to those who listen. */
class Counted extends Listeners<CommandStatus> {
  private readonly device: MetricLabel.MetricLabel

  constructor(device: string, capacity: number) {
    super(capacity)
    this.device = MetricLabel.make("device", device)
  }

  override tell(status: CommandStatus): void {
    if (ends.has(status.state)) {
      outcomes.unsafeUpdate(1, [this.device, MetricLabel.make("outcome", status.state)])
    }
    super.tell(status)
  }
}

const ends = new Set<CommandStatus["state"]>(
  ["succeeded", "failed", "rejected", "expired", "cancelled", "outcome-unknown", "unresolved"]
)

// On the emergency lane: it waits neither for other commands, nor for who operates the device.
const trip = (desk: Desk, { id, onTrip = "", when }: Interlock.Interlock): Effect.Effect<void> => {
  const { definition, link } = desk.state
  const command = definition.commands[onTrip]
  if (command === undefined) return Effect.void
  const job = (): Job => ({
    of: { device: desk.state.id, operation: onTrip },
    commandId: `interlock:${desk.holder.fence}:${++desk.trips}`,
    known: false,
    name: onTrip,
    args: "null",
    effect: command.effect,
    lane: "emergency",
    session: `interlock:${id}`,
    expectedEpoch: undefined,
    allowedIn: command.allowedIn,
    until: desk.state.arrival().now + tripMillis,
    look: lookOf(definition, onTrip, null),
    send: (options) => link.invoke(onTrip, null, options)
  })
  const give = Effect.suspend(() => submit(desk, job()))
  // A pulse is given once; what only sets is given again where it did not succeed.
  const again = command.effect === "pulse" ? 0 : tripAttempts - 1
  return desk.warn(`trip ${id}`, `interlock ${id} tripped on ${when.attribute}: ${onTrip}`).pipe(
    Effect.zipRight(Effect.retry(give, Schedule.recurs(again))),
    Effect.asVoid,
    Effect.catchAll((error) =>
      desk.warn(`trip failed ${id}`, `what interlock ${id} asked for failed: ${error.message}`)
    )
  )
}
