/**
 * The port to the network: one connection to a Modbus device, what can be asked over it, and what
 * can become of a request. Whoever uses it asks one thing at a time.
 */
import { Context, type Effect, Schema, type Scope } from "effect"
import type { Span, Table } from "./ReadPlan.ts"

/** Where a device is. */
export interface Target {
  readonly host: string
  readonly port: number
  /** Which device behind that address is meant; gateways have several. */
  readonly unitId: number
}

/** Values for neighbouring places that can be written; coils are set by 1 and cleared by 0. */
export interface WriteRequest {
  readonly table: Extract<Table, "holding" | "coil">
  readonly address: number
  readonly values: ReadonlyArray<number>
}

/** No connection could be made. */
export class ConnectFailed extends Schema.TaggedError<ConnectFailed>()("ConnectFailed", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** Nothing was handed to the socket: the device provably did nothing. */
export class NotSent extends Schema.TaggedError<NotSent>()("NotSent", { detail: Schema.String }) {
  override get message(): string {
    return `${this.detail}; nothing was sent`
  }
}

/** The device answered, and its answer is a Modbus exception. */
export class ExceptionReply extends Schema.TaggedError<ExceptionReply>()("ExceptionReply", {
  code: Schema.Number,
  /** What was asked for, for example "holding 40". */
  place: Schema.String
}) {
  override get message(): string {
    const name = exceptionNames[this.code] ?? "an exception of its own"
    return `${this.place}: the device answered with exception ${this.code}, ${name}`
  }
}

/**
 * The request was handed to the socket, and no valid reply came: the device may have acted, or may
 * act yet. The connection must not be used any more, since the reply may still come.
 */
export class NoReply extends Schema.TaggedError<NoReply>()("NoReply", {
  why: Schema.Literal("time-out", "closed", "invalid"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** What can become of a request, apart from success. */
export type RequestError = NotSent | ExceptionReply | NoReply

/** Modbus application protocol V1.1b3, section 7. */
const exceptionNames: Readonly<Record<number, string>> = {
  1: "illegal function",
  2: "illegal data address",
  3: "illegal data value",
  4: "server device failure",
  5: "acknowledge",
  6: "server device busy",
  8: "memory parity error",
  10: "gateway path unavailable",
  11: "gateway target device failed to respond"
}

/** An open connection. */
export interface Connection {
  /** The values of all places of a span, bits as 0 and 1. */
  readonly read: (span: Span) => Effect.Effect<ReadonlyArray<number>, RequestError>
  readonly write: (request: WriteRequest) => Effect.Effect<void, RequestError>
  /** Waits until it is closed, by whichever side, and says why. */
  readonly closed: Effect.Effect<string>
}

/** Makes connections; each is closed with its scope, and what is still asked then has no reply. */
export class ModbusNetwork extends Context.Tag("@plantd/example-modbus/ModbusNetwork")<
  ModbusNetwork,
  { readonly connect: (target: Target) => Effect.Effect<Connection, ConnectFailed, Scope.Scope> }
>() {}
