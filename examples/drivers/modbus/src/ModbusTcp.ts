/**
 * The adapter to modbus-serial, over a socket of our own: the library is told of no time-out, makes
 * no connection and repeats nothing. Replies are checked here as far as the library does not.
 */
import { Deferred, Effect, Layer, type Scope } from "effect"
import modbusSerial from "modbus-serial"
import { createConnection, type Socket } from "node:net"
import {
  ConnectFailed,
  type Connection,
  ExceptionReply,
  ModbusNetwork,
  NoReply,
  NotSent,
  type RequestError,
  type Target,
  type WriteRequest
} from "./ModbusConnection.ts"
import { describe, holdsBits, type Span } from "./ReadPlan.ts"

type Client = InstanceType<typeof modbusSerial.default>

/** Modbus over TCP. */
export const layer: Layer.Layer<ModbusNetwork> = Layer.succeed(ModbusNetwork, {
  connect: (target) => Effect.flatMap(socketOf(target), (opened) => connectionOf(opened, target))
})

/** A socket, and why it was closed once it is. */
interface Opened {
  readonly socket: Socket
  readonly closed: Effect.Effect<string>
}

const socketOf = (target: Target): Effect.Effect<Opened, ConnectFailed, Scope.Scope> =>
  Effect.gen(function*() {
    const ended = yield* Deferred.make<string>()
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() =>
        open(target, (reason) => Deferred.unsafeDone(ended, Effect.succeed(reason)))
      ),
      (opened) => Effect.sync(() => opened.destroy())
    )
    const closed = Deferred.await(ended)
    const connected = Effect.async<void>((resume) => {
      socket.once("connect", () => resume(Effect.void))
    })
    const failed = Effect.flatMap(closed, (detail) => Effect.fail(new ConnectFailed({ detail })))
    yield* Effect.raceFirst(connected, failed)
    return { socket, closed }
  })

const open = ({ host, port }: Target, onClose: (reason: string) => void): Socket => {
  const socket = createConnection({ host, port, noDelay: true })
  let reason = "the connection was closed"
  socket.once("end", () => (reason = "the device closed the connection"))
  socket.on("error", (error) => (reason = error.message))
  socket.once("close", () => onClose(reason))
  return socket
}

const connectionOf = (
  { closed, socket }: Opened,
  target: Target
): Effect.Effect<Connection, ConnectFailed> =>
  Effect.gen(function*() {
    const client = new modbusSerial.default()
    client.setID(target.unitId)
    // What it would tell of the socket is known from the socket itself.
    client.on("error", () => {})
    yield* Effect.tryPromise({
      try: () => client.linkTCP(socket, { port: target.port }),
      catch: (error) => new ConnectFailed({ detail: textOf(error) })
    })
    const cut = Effect.flatMap(
      closed,
      (detail) => Effect.fail(new NoReply({ why: "closed", detail }))
    )
    const ask = <A>(place: string, send: () => Promise<A>): Effect.Effect<A, RequestError> =>
      Effect.suspend(() =>
        socket.readyState === "open"
          ? Effect.raceFirst(
            Effect.tryPromise({ try: send, catch: (error) => errorOf(error, place) }),
            cut
          )
          : Effect.flatMap(closed, (detail) => Effect.fail(new NotSent({ detail })))
      )
    return {
      closed,
      read: (span) =>
        Effect.flatMap(
          ask(describe(span), () => read(client, span)),
          (values) => holding(values, span)
        ),
      write: (request) => {
        const count = request.values.length
        const place = describe({ ...request, count })
        return Effect.flatMap(
          ask(place, () => write(client, request)),
          (echoed) => echoed ? Effect.void : garbled(place, "its reply is of another request")
        )
      }
    }
  })

const read = async (client: Client, span: Span): Promise<ReadonlyArray<number>> => {
  switch (span.table) {
    case "holding":
      return (await client.readHoldingRegisters(span.address, span.count)).data
    case "input":
      return (await client.readInputRegisters(span.address, span.count)).data
    case "coil":
      return (await client.readCoils(span.address, span.count)).data.map(Number)
    case "discrete":
      return (await client.readDiscreteInputs(span.address, span.count)).data.map(Number)
  }
}

/** Gives whether the reply repeats what was asked for, as the protocol demands. */
const write = async (client: Client, request: WriteRequest): Promise<boolean> => {
  const { address, values: [first = 0, ...more], values } = request
  if (more.length > 0) {
    const reply = request.table === "coil"
      ? await client.writeCoils(address, values.map(Boolean))
      : await client.writeRegisters(address, [...values])
    return reply.address === address && reply.length === values.length
  }
  if (request.table === "coil") {
    const reply = await client.writeCoil(address, first !== 0)
    return reply.address === address && reply.state === (first !== 0)
  }
  const reply = await client.writeRegister(address, first)
  return reply.address === address && reply.value === first
}

// Of bits there are whole bytes; of registers the library believes the reply how many there are.
const holding = (
  values: ReadonlyArray<number>,
  span: Span
): Effect.Effect<ReadonlyArray<number>, NoReply> => {
  const expected = holdsBits(span.table) ? Math.ceil(span.count / 8) * 8 : span.count
  return values.length === expected
    ? Effect.succeed(values.slice(0, span.count))
    : garbled(describe(span), `its reply has ${values.length} values instead of ${expected}`)
}

const garbled = (place: string, detail: string): Effect.Effect<never, NoReply> =>
  Effect.fail(new NoReply({ why: "invalid", detail: `${place}: ${detail}` }))

// A reply that is neither the expected one nor an exception says nothing of what the device did.
const errorOf = (error: unknown, place: string): RequestError => {
  const { modbusCode } = error as { readonly modbusCode?: unknown }
  return typeof modbusCode === "number"
    ? new ExceptionReply({ code: modbusCode, place })
    : new NoReply({ why: "invalid", detail: `${place}: ${textOf(error)}` })
}

const textOf = (error: unknown): string => error instanceof Error ? error.message : String(error)
