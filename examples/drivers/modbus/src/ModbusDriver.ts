/** A Modbus device on a plantd link: answers nodes from its registers, publishes its readings. */
import { Driver, type DriverStore, type Transport } from "@plantd/hardware"
import { Cause, Duration, Effect, Either, Schedule, Schema, type Scope } from "effect"
import * as AttributeCodec from "./AttributeCodec.ts"
import * as ModbusBus from "./ModbusBus.ts"
import type { ModbusNetwork, RequestError, WriteRequest } from "./ModbusConnection.ts"
import { deviceOf, type ModbusDevice } from "./ModbusDevice.ts"
import type * as RegisterMap from "./RegisterMap.ts"
import * as Sampler from "./Sampler.ts"

/** Where the driver serves. */
export interface ModbusDriverOptions {
  /** The endpoints to bind: `tcp://host:port`. */
  readonly commands: string
  readonly telemetry: string
  /** Allows endpoints that other machines reach. */
  readonly allowRemote?: boolean
  readonly settings?: Partial<Driver.Settings>
}

/** An attribute that has no value now. */
export class NoValue extends Schema.TaggedError<NoValue>()("NoValue", { reason: Schema.String }) {
  override get message(): string {
    return this.reason
  }
}

/** The device answered that it does not do it, or stopped in the middle of a command. */
export class NotDone extends Schema.TaggedError<NotDone>()("NotDone", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Serves the device of a map until the scope is closed. The device need not be there: until it is,
 * the hardware is down, readings are bad and writes are refused.
 */
export const serve = (
  map: RegisterMap.RegisterMap,
  options: ModbusDriverOptions
): Effect.Effect<
  Driver.Driver<ModbusDevice>,
  Transport.TransportError | DriverStore.DriverStoreError,
  ModbusNetwork | Transport.Transport | DriverStore.DriverStore | Scope.Scope
> =>
  Effect.gen(function*() {
    const bus = yield* ModbusBus.make(map)
    const sampler = yield* Sampler.make(map, bus)
    const driver = yield* Driver.serve(deviceOf(map), handlersOf(map, bus, sampler), {
      ...options,
      device: map.device,
      hardware: Effect.map(bus.health, ({ hardware }) => hardware),
      ...onSilence(map, bus)
    })
    const period = Schedule.fixed(Duration.millis(map.pollMillis))
    yield* Effect.forkScoped(Effect.repeat(poll(map, { bus, sampler, driver }), period))
    return driver
  })

interface Parts {
  readonly bus: ModbusBus.ModbusBus
  readonly sampler: Sampler.Sampler
  readonly driver: Driver.Driver<ModbusDevice>
}

/** Reads all attributes and publishes them, those without a value as bad and with the reason. */
const poll = (
  map: RegisterMap.RegisterMap,
  { bus, driver, sampler }: Parts
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const samples = yield* sampler.read(Object.keys(map.attributes))
    const missing = [...samples.values()].flatMap((sample) =>
      Either.isLeft(sample) && sample.left.refused ? [sample.left.reason] : []
    )
    yield* bus.observe({ _tag: "Round", refused: missing[0] })
    yield* driver.publishAll(
      [...samples].map(([attribute, sample]) =>
        Either.match(sample, {
          onLeft: ({ reason }) => ({ attribute, value: null, reason }),
          onRight: ({ time, value }) => ({ attribute, value, time })
        })
      )
    )
  }).pipe(
    // One that fails is not the last one: else the readings would stop, and nobody would say why.
    Effect.catchAllDefect((defect) => Effect.logError("a poll met a defect", Cause.die(defect)))
  )

const handlersOf = (
  { attributes, commands }: RegisterMap.RegisterMap,
  bus: ModbusBus.ModbusBus,
  sampler: Sampler.Sampler
) => ({
  read: byName(attributes, (_, name) => readOne(sampler, name)),
  write: byName(
    Object.fromEntries(
      Object.entries(attributes).filter(([, { access }]) => access === "read-write")
    ),
    (entry) => (value: AttributeCodec.Value, { recheck }: Driver.CommandContext) =>
      Either.match(AttributeCodec.encode(entry, value), {
        onLeft: (fault) => Driver.refuse("validation", fault),
        onRight: (request) => writeAll(bus, [request], { lane: "write", recheck })
      })
  ),
  commands: byName(
    commands,
    (entry) => (payload: Payload, { recheck }: Driver.CommandContext) =>
      Either.match(AttributeCodec.encodeCommand(entry, payload), {
        onLeft: (fault) => Driver.refuse("validation", fault),
        onRight: (requests) =>
          writeAll(bus, requests, {
            lane: entry.lane === "emergency" ? "emergency" : "write",
            recheck
          })
      })
  )
})

type Payload = { readonly [name: string]: unknown }

const byName = <A, B>(
  record: { readonly [name: string]: A },
  make: (entry: A, name: string) => B
): { readonly [name: string]: B } =>
  Object.fromEntries(Object.entries(record).map(([name, entry]) => [name, make(entry, name)]))

const readOne = (
  sampler: Sampler.Sampler,
  name: string
): Effect.Effect<AttributeCodec.Value, NoValue> =>
  Effect.flatMap(sampler.read([name]), (samples) => {
    const sample = samples.get(name)
    if (sample === undefined) return Effect.fail(new NoValue({ reason: "it was not read" }))
    return Either.match(sample, {
      onLeft: ({ reason }) => Effect.fail(new NoValue({ reason })),
      onRight: ({ value }) => Effect.succeed(value)
    })
  })

/** Sends writes one after the other, up to the first that does not succeed. */
const writeAll = (
  bus: ModbusBus.ModbusBus,
  requests: ReadonlyArray<WriteRequest>,
  options: ModbusBus.WriteOptions
) =>
  Effect.forEach(
    requests,
    (request, done) =>
      Effect.catchAll(
        // Once begun, a command goes on: half of it is worse than all of it too late.
        bus.write(request, done === 0 ? options : { ...options, recheck: Effect.void }),
        (error) => outcomeOf(error, { done, of: requests.length })
      ),
    { discard: true }
  )

interface Progress {
  readonly done: number
  readonly of: number
}

/**
 * What a node may be told. Only a refusal says that nothing was done, and only an exception that it
 * failed; where the device, or the one behind a gateway, did not say, nobody knows.
 */
export const outcomeOf = (
  error: RequestError | Driver.Refusal,
  progress: Progress
): Effect.Effect<never, Driver.Refusal | Driver.Unknown | NotDone> => {
  const detail = progress.done === 0
    ? error.message
    : `${progress.done} of ${progress.of} writes were done, then: ${error.message}`
  if (error._tag === "NoReply") return Driver.unknown(`${detail}; it may act yet`)
  if (error._tag === "ExceptionReply" && undecided.has(error.code)) return Driver.unknown(detail)
  if (progress.done > 0) return Effect.fail(new NotDone({ detail }))
  switch (error._tag) {
    case "Refusal":
      return Effect.fail(error)
    case "NotSent":
      return Driver.refuse("state", detail)
    case "ExceptionReply":
      return error.code === deviceBusy
        ? Driver.refuse("busy", detail)
        : Effect.fail(new NotDone({ detail }))
  }
}

/** The device took it and goes on with it (5), or a gateway sent it on and heard no more (11). */
const undecided: ReadonlySet<number> = new Set([5, 11])

/** It did not take it, and may be asked again. */
const deviceBusy = 6

const onSilence = (
  { commands, onSilence }: RegisterMap.RegisterMap,
  bus: ModbusBus.ModbusBus
): { readonly onSilence?: Driver.OnSilence<never> } => {
  const command = onSilence === undefined ? undefined : commands[onSilence.command]
  if (onSilence === undefined || command === undefined) return {}
  return {
    onSilence: {
      after: Duration.millis(onSilence.afterMillis),
      run: Either.match(AttributeCodec.encodeCommand(command, {}), {
        onLeft: (detail) => Effect.fail(new NotDone({ detail })),
        onRight: (requests) => writeAll(bus, requests, { lane: "emergency", recheck: Effect.void })
      })
    }
  }
}
