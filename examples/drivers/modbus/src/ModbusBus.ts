/**
 * One device on one connection: one request at a time, each with a time-out, and a new connection
 * after whatever leaves a reply outstanding, so that a late one is never taken for that of another
 * request. Nothing is repeated.
 */
import { Backoff, Monotonic } from "@plantd/core"
import type { Driver } from "@plantd/hardware"
import { Cause, Duration, Effect, Either, Exit, Random, Scope } from "effect"
import * as BusTurn from "./BusTurn.ts"
import {
  type Connection,
  ModbusNetwork,
  NoReply,
  NotSent,
  type RequestError,
  type Target,
  type WriteRequest
} from "./ModbusConnection.ts"
import * as ModbusHealth from "./ModbusHealth.ts"
import type { Span } from "./ReadPlan.ts"

/** How soon a connection is tried again that failed, or was closed before it had an answer. */
export const reconnect: Backoff.Backoff = {
  min: "250 millis",
  max: "5 seconds",
  factor: 2,
  jitter: 0.2
}

/** Where the device is, and how long it may take. */
export interface BusOptions extends Target {
  readonly requestTimeoutMillis: number
  readonly connectTimeoutMillis: number
}

/** How a write is sent. */
export interface WriteOptions {
  readonly lane: "emergency" | "write"
  /** Looks, when its turn has come and the connection stands, whether it may still be sent. */
  readonly recheck: Effect.Effect<void, Driver.Refusal>
}

/** The way to a device. */
export interface ModbusBus {
  readonly read: (span: Span) => Effect.Effect<ReadonlyArray<number>, RequestError>
  /** Sent at most once. */
  readonly write: (
    request: WriteRequest,
    options: WriteOptions
  ) => Effect.Effect<void, RequestError | Driver.Refusal>
  readonly health: Effect.Effect<ModbusHealth.ModbusHealth>
  /** Tells what was seen of the device elsewhere. */
  readonly observe: (event: ModbusHealth.HealthEvent) => Effect.Effect<void>
}

/** A connection in use. */
interface Current {
  readonly connection: Connection
  readonly close: Effect.Effect<void>
  /** True once it has brought an answer. */
  answered: boolean
}

/** What the operations of a bus share; whoever has the turn changes it. */
interface Bus {
  readonly options: BusOptions
  readonly network: ModbusNetwork["Type"]
  readonly turn: BusTurn.BusTurn
  health: ModbusHealth.ModbusHealth
  current: Current | undefined
  /** How many connections in a row brought no answer, and when the next one may be made. */
  attempts: number
  retryAt: number
}

/** Keeps a connection to a device until the scope is closed. */
export const make = (
  options: BusOptions
): Effect.Effect<ModbusBus, never, ModbusNetwork | Scope.Scope> =>
  Effect.gen(function*() {
    const bus: Bus = {
      options,
      network: yield* ModbusNetwork,
      turn: yield* BusTurn.make,
      health: ModbusHealth.initial,
      current: undefined,
      attempts: 0,
      retryAt: -Infinity
    }
    yield* Effect.addFinalizer(() => Effect.suspend(() => bus.current?.close ?? Effect.void))
    yield* Effect.forkScoped(Effect.forever(keep(bus)))
    return {
      read: (span) =>
        bus.turn.use(
          "read",
          Effect.flatMap(
            connected(bus, false),
            (to) => ask(bus, to, to.connection.read(span))
          )
        ),
      write: (request, { lane, recheck }) =>
        bus.turn.use(
          lane,
          Effect.gen(function*() {
            const to = yield* connected(bus, lane === "emergency")
            yield* recheck
            return yield* ask(bus, to, to.connection.write(request))
          })
        ),
      health: Effect.sync(() => bus.health),
      observe: (event) => observe(bus, event)
    }
  })

/** Waits for the end of a connection, or makes one when it is time. */
const keep = (bus: Bus): Effect.Effect<void> =>
  Effect.flatMap(Monotonic.currentMillis, (now) => {
    const { current } = bus
    if (current !== undefined) {
      return Effect.flatMap(
        current.connection.closed,
        (reason) => drop(bus, current, { _tag: "Lost", reason })
      )
    }
    const attempt = bus.turn.use("read", Effect.ignore(connected(bus, false)))
    return Effect.zipRight(Effect.sleep(Duration.millis(Math.max(0, bus.retryAt - now))), attempt)
  })

/** The connection in use, or a new one. An emergency waits for no time to try again. */
const connected = (bus: Bus, urgent: boolean): Effect.Effect<Current, NotSent> =>
  Effect.flatMap(Monotonic.currentMillis, (now) => {
    if (bus.current !== undefined) return Effect.succeed(bus.current)
    if (urgent || now >= bus.retryAt) return connect(bus)
    const left = Math.ceil(bus.retryAt - now)
    const detail = `not connected (${bus.health.reason ?? "closed"}), next try in ${left} ms`
    return Effect.fail(new NotSent({ detail: `${where(bus)}: ${detail}` }))
  })

const connect = (bus: Bus): Effect.Effect<Current, NotSent> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { connectTimeoutMillis } = bus.options
      const scope = yield* Scope.make()
      const close = Scope.close(scope, Exit.void)
      const connecting = bus.network.connect(bus.options).pipe(
        Scope.extend(scope),
        Effect.mapError((error) => error.message),
        Effect.timeoutFail({
          duration: Duration.millis(connectTimeoutMillis),
          onTimeout: () => `no connection within ${connectTimeoutMillis} ms`
        })
      )
      const exit = yield* Effect.exit(restore(connecting))
      if (Exit.isSuccess(exit)) {
        return bus.current = { connection: exit.value, close, answered: false }
      }
      yield* close
      yield* postpone(bus)
      const reason = Either.match(Cause.failureOrCause(exit.cause), {
        onLeft: (detail) => detail,
        onRight: (cause) => Cause.pretty(cause)
      })
      yield* observe(bus, { _tag: "Lost", reason })
      return yield* Effect.fail(new NotSent({ detail: `${where(bus)}: ${reason}` }))
    })
  )

const postpone = (bus: Bus): Effect.Effect<void> =>
  Effect.zipWith(Monotonic.currentMillis, Random.next, (now, random) => {
    bus.retryAt = now + Backoff.delayMillis(reconnect, bus.attempts++, random)
  })

const ask = <A>(
  bus: Bus,
  to: Current,
  request: Effect.Effect<A, RequestError>
): Effect.Effect<A, RequestError> => {
  const { requestTimeoutMillis } = bus.options
  const detail = `no reply within ${requestTimeoutMillis} ms`
  return request.pipe(
    Effect.timeoutFail({
      duration: Duration.millis(requestTimeoutMillis),
      onTimeout: () => new NoReply({ why: "time-out", detail })
    }),
    Effect.tapBoth({
      onSuccess: () => answered(bus, to),
      onFailure: (error) =>
        error._tag === "ExceptionReply" ? answered(bus, to) : drop(bus, to, eventOf(error))
    }),
    // Else its reply might come to whoever asks next.
    Effect.onInterrupt(() => drop(bus, to, { _tag: "Silent", reason: "it was interrupted" }))
  )
}

const eventOf = (error: NotSent | NoReply): ModbusHealth.HealthEvent => ({
  _tag: error._tag === "NoReply" && error.why !== "closed" ? "Silent" : "Lost",
  reason: error.message
})

const answered = (bus: Bus, to: Current): Effect.Effect<void> => {
  to.answered = true
  bus.attempts = 0
  return observe(bus, { _tag: "Answered" })
}

/** Closes a connection that cannot be used any more. */
const drop = (bus: Bus, to: Current, event: ModbusHealth.HealthEvent): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (bus.current !== to) return Effect.void
    bus.current = undefined
    return to.close.pipe(
      Effect.zipRight(to.answered ? Effect.void : postpone(bus)),
      Effect.zipRight(observe(bus, event))
    )
  })

const observe = (bus: Bus, event: ModbusHealth.HealthEvent): Effect.Effect<void> =>
  Effect.suspend(() => {
    const before = bus.health
    bus.health = ModbusHealth.step(before, event)
    const { hardware, reason } = bus.health
    if (hardware === before.hardware && reason === before.reason) return Effect.void
    const text = `the device at ${where(bus)} is ${hardware}`
    return hardware === "ok" ? Effect.logInfo(text) : Effect.logWarning(`${text}: ${reason}`)
  })

const where = ({ options: { host, port } }: Bus): string => `${host}:${port}`
