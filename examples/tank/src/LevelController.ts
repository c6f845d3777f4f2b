/**
 * The service actor that keeps the level of a tank at its setpoint: it follows the tank's readings,
 * lets `LevelControl` decide, and writes the pump. The controller of a tank has the tank's id.
 */
import * as Rpc from "@effect/rpc/Rpc"
import {
  Actor,
  ActorContext,
  type ActorSystem,
  DurableState,
  DurableStore,
  Supervision
} from "@plantd/actors"
import { Backoff, Quality, Reading } from "@plantd/core"
import { Subscription } from "@plantd/hardware"
import { Clock, Effect, Layer, Random, Ref, Schema, Stream } from "effect"
import { outcomeOf } from "./internal/writeOutcome.ts"
import * as LevelControl from "./LevelControl.ts"
import { Tank } from "./Tank.ts"

/** The setpoint is outside of what the controller may be told; the one before stays in force. */
export class SetpointOutOfRange extends Schema.TaggedError<SetpointOutOfRange>()(
  "SetpointOutOfRange",
  { setpoint: Schema.Number, min: Schema.Number, max: Schema.Number }
) {
  override get message(): string {
    return `the setpoint ${this.setpoint} m is outside of ${this.min} to ${this.max} m`
  }
}

/**
 * What became of a write: `done`, `rejected` or `failed` by the device's word, `not-sent` provably,
 * `unknown` where nobody can tell.
 */
export const WriteOutcome = Schema.Literal("done", "rejected", "failed", "not-sent", "unknown")
/** What became of a write. */
export type WriteOutcome = typeof WriteOutcome.Type

/** The newest write to the pump: the speed in %, when it was told in ms since 1970, its outcome. */
export const LastWrite = Schema.Struct({
  pumpSpeed: Schema.Number,
  at: Schema.Number,
  outcome: WriteOutcome,
  detail: Schema.optionalWith(Schema.String, { exact: true })
})
/** The newest write to the pump. */
export type LastWrite = typeof LastWrite.Type

/** How a controller is. Levels in m; counters but `writes` count since its last start. */
export const LevelStatus = Schema.Struct({
  device: Schema.String,
  setpoint: Schema.Number,
  /** `null` where no level is known. */
  level: Schema.NullOr(Schema.Number),
  quality: Quality.Quality,
  mode: LevelControl.Mode,
  /** Why the pump is told nothing; absent while controlling. */
  reason: Schema.optionalWith(Schema.String, { exact: true }),
  lastWrite: Schema.optionalWith(LastWrite, { exact: true }),
  /** How often the pump was told a speed since the program began, over restarts. */
  writes: Schema.Number,
  writesFailed: Schema.Number,
  /** How often control was given up for want of a good reading. */
  holds: Schema.Number,
  /** Level readings that were not acted on because they, or the pump's speed, were not good. */
  blindWritesAvoided: Schema.Number,
  /** How often the tank's readings were subscribed to; more than once where they had ended. */
  subscriptions: Schema.Number
})
/** How a controller is. */
export type LevelStatus = typeof LevelStatus.Type

/**
 * The protocol: `SetSetpoint` (m) and `Status` are for operators; the other messages are those by
 * which a controller tells itself what it reads.
 */
export const LevelController = Actor.make("LevelController", [
  Rpc.make("SetSetpoint", { payload: { setpoint: Schema.Number }, error: SetpointOutOfRange }),
  Rpc.make("Status", { success: LevelStatus }),
  Rpc.make("Subscribed"),
  /** Gives what the pump is to be told for a reading, in %; `null`: nothing. */
  Rpc.make("Observed", {
    payload: { reading: Reading.Reading },
    success: Schema.NullOr(Schema.Number)
  }),
  Rpc.make("Written", { payload: LastWrite.fields }),
  Rpc.make("ReadingsEnded", { payload: { reason: Schema.String } })
])

/** A speed that the pump's driver has not begun to set by then is not set at all, in ms. */
export const writeMillis = 500

/** The delays before the tank's readings are subscribed to again after they have ended. */
export const resubscribe: Backoff.Backoff = {
  min: "100 millis",
  max: "5 seconds",
  factor: 2,
  jitter: 0.2
}

/** How controllers are set up. */
export interface LevelControllerOptions {
  /** The setpoint that holds until an operator chooses another, in m. */
  readonly setpoint: number
  readonly settings?: LevelControl.LevelControlSettings
}

/**
 * Registers the controllers. An operator's setpoint, and the number of writes, outlive a restart of
 * their controller, but not the program. Throws a `RangeError` where the first setpoint is one that
 * no operator could choose.
 */
export const layer = (
  options: LevelControllerOptions
): Layer.Layer<never, never, ActorSystem> =>
  Layer.provide(layerDurable(options), DurableStore.layerMemory)

/**
 * As `layer`, with setpoints that are kept in the store: a controller that moves to another node
 * goes on with the one that its operator chose. The number of writes is that of its node.
 */
export const layerDurable = (
  options: LevelControllerOptions
): Layer.Layer<never, never, ActorSystem | DurableStore> => {
  const settings = options.settings ?? LevelControl.standard
  if (!LevelControl.allows(settings, options.setpoint)) {
    throw new RangeError(outOfRange(settings, options.setpoint).message)
  }
  const counted = new Map<string, Counted>()
  const build = Effect.gen(function*() {
    const { address: { id } } = yield* ActorContext
    const self = (yield* LevelController.client)(id)
    const tank = (yield* Tank.client)(id)
    const setpoint = yield* DurableState.open({
      name: "setpoint",
      schema: Schema.Number,
      initial: options.setpoint
    })
    yield* Effect.forkScoped(follow(tank, self))
    const lasting = counted.get(id) ?? { writes: 0 }
    counted.set(id, lasting)
    return handlers({ settings, setpoint, counted: lasting, state: initial(id, setpoint.current) })
  })
  return LevelController.toLayer(build, { supervision: Supervision.restart() })
}

type TankClient = ReturnType<Effect.Effect.Success<typeof Tank.client>>
type SelfClient = ReturnType<Effect.Effect.Success<typeof LevelController.client>>

/** What outlives a restart, but not the program. */
interface Counted {
  writes: number
}

interface State {
  readonly device: string
  control: LevelControl.LevelControl
  lastWrite: LastWrite | undefined
  writesFailed: number
  subscriptions: number
}

interface Controller {
  readonly settings: LevelControl.LevelControlSettings
  /** Changed by the handlers alone, one message at a time. */
  readonly state: State
  readonly counted: Counted
  readonly setpoint: DurableState.DurableState<number>
}

const initial = (device: string, setpoint: number): State => ({
  device,
  control: LevelControl.make(setpoint),
  lastWrite: undefined,
  writesFailed: 0,
  subscriptions: 0
})

const handlers = (controller: Controller) => {
  const { counted, settings, state } = controller
  return LevelController.of({
    SetSetpoint: ({ setpoint }) =>
      LevelControl.allows(settings, setpoint)
        ? choose(controller, setpoint)
        : Effect.fail(outOfRange(settings, setpoint)),
    Status: () => Effect.sync(() => statusOf(state, counted)),
    Subscribed: () => Effect.sync(() => void state.subscriptions++),
    Observed: ({ reading }) => Effect.suspend(() => observe(controller, reading)),
    Written: (write) => Effect.suspend(() => written(state, write)),
    ReadingsEnded: ({ reason }) =>
      Effect.suspend(() => become(state, LevelControl.onReadingsLost(state.control, reason)))
  })
}

// Where it is not known whether it was kept, a restart reads what was.
const choose = ({ setpoint, state }: Controller, chosen: number): Effect.Effect<void> =>
  Effect.orDie(setpoint.set(chosen)).pipe(
    Effect.map(() => void (state.control = LevelControl.withSetpoint(state.control, chosen)))
  )

const observe = (
  { counted, settings, state }: Controller,
  reading: Reading.Reading
): Effect.Effect<number | null> => {
  if (reading.attribute === "pumpSpeed") {
    state.control = LevelControl.onPump(state.control, reading)
    return Effect.succeed(null)
  }
  const [control, decision] = LevelControl.onLevel(settings, state.control, reading)
  if (decision._tag !== "Write") return Effect.as(become(state, control), null)
  // Counted before it is told: what becomes of it may be learnt later, or by nobody.
  counted.writes++
  return Effect.as(become(state, control), decision.pumpSpeed)
}

const written = (state: State, write: LastWrite): Effect.Effect<void> => {
  const before = state.lastWrite?.outcome
  state.lastWrite = write
  if (write.outcome === "done") return Effect.void
  state.writesFailed++
  state.control = LevelControl.onWriteFailed(state.control)
  return write.outcome === before ? Effect.void : Effect.logWarning(write.detail ?? write.outcome)
}

// Told to people when it begins or ends to act, not for each reading.
const become = (state: State, control: LevelControl.LevelControl): Effect.Effect<void> => {
  const before = state.control
  state.control = control
  if (control.mode === before.mode) return Effect.void
  const why = control.reason === undefined ? "" : `: ${control.reason}`
  return Effect.logInfo(`level control of ${state.device} is ${control.mode}${why}`)
}

const write = Effect.fnUntraced(function*(tank: TankClient, self: SelfClient, pumpSpeed: number) {
  const at = yield* Clock.currentTimeMillis
  const result = yield* Effect.either(tank.write.pumpSpeed(pumpSpeed, { timeout: writeMillis }))
  yield* self.Written(
    result._tag === "Right"
      ? { pumpSpeed, at, outcome: "done" }
      : { pumpSpeed, at, outcome: outcomeOf(result.left), detail: result.left.message }
  )
})

// Beside the handlers, so that a device that does not answer keeps no operator waiting. One write
// is under way at a time; meanwhile the subscription keeps the newest reading alone.
const follow = Effect.fnUntraced(function*(tank: TankClient, self: SelfClient) {
  const attempt = yield* Ref.make(0)
  const act = (reading: Reading.Reading) =>
    Effect.zipRight(Ref.set(attempt, 0), self.Observed({ reading })).pipe(
      Effect.flatMap((speed) => speed === null ? Effect.void : write(tank, self, speed))
    )
  const readings = tank.subscribe(["level2", "pumpSpeed"], { mode: "latest" }).pipe(
    Stream.runForEach((item) => Subscription.isGap(item) ? Effect.void : act(item))
  )
  const once = Effect.gen(function*() {
    yield* self.Subscribed()
    const ended = yield* Effect.either(readings)
    const reason = ended._tag === "Left" ? ended.left.message : "they were ended"
    yield* self.ReadingsEnded({ reason: `the tank's readings ended: ${reason}` })
  })
  const wait = Effect.gen(function*() {
    const delay = Backoff.delayMillis(resubscribe, yield* Ref.get(attempt), yield* Random.next)
    yield* Ref.update(attempt, (count) => count + 1)
    yield* Effect.sleep(delay)
  })
  // A message that this actor could not take leaves it as it is: the next reading comes soon.
  const again = Effect.catchAll(once, (error) => Effect.logWarning(error.message))
  return yield* Effect.forever(Effect.zipRight(again, wait))
})

const outOfRange = (
  { setpointMax, setpointMin }: LevelControl.LevelControlSettings,
  setpoint: number
): SetpointOutOfRange => new SetpointOutOfRange({ setpoint, min: setpointMin, max: setpointMax })

const statusOf = ({ control, ...state }: State, { writes }: Counted): LevelStatus => ({
  device: state.device,
  setpoint: control.setpoint,
  level: typeof control.level?.value === "number" ? control.level.value : null,
  quality: control.level?.quality ?? "bad",
  mode: control.mode,
  ...(control.reason === undefined ? {} : { reason: control.reason }),
  ...(state.lastWrite === undefined ? {} : { lastWrite: state.lastWrite }),
  writes,
  writesFailed: state.writesFailed,
  holds: control.holds,
  blindWritesAvoided: control.blindWritesAvoided,
  subscriptions: state.subscriptions
})
