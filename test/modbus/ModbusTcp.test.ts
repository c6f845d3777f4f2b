import { describe, expect, it } from "@effect/vitest"
import { ModbusConnection, ModbusTcp, type ReadPlan } from "@plantd/example-modbus"
import { Effect, Exit, Fiber, Scope } from "effect"
import { occupiedPort, waitUntil } from "../integration/harness.ts"
import { listen, type RawRequest, reply } from "./rawServer.ts"

const connect = (target: ModbusConnection.Target) =>
  Effect.provide(
    Effect.flatMap(ModbusConnection.ModbusNetwork, (network) => network.connect(target)),
    ModbusTcp.layer
  )

/** A connection to a server that answers each request like this. */
const connected = (answer: (request: RawRequest) => void) =>
  Effect.gen(function*() {
    const requests: Array<RawRequest> = []
    const server = yield* listen((request) => {
      requests.push(request)
      answer(request)
    })
    return { ...server, requests, connection: yield* connect(server.target) }
  })

const pdu = (...bytes: ReadonlyArray<number>) => (request: RawRequest) => reply(request, bytes)

const span = (table: ReadPlan.Table, address: number, count: number) => ({ table, address, count })

describe("a connection", () => {
  it.scopedLive.each<[ReadPlan.Span, ReadonlyArray<number>, ReadonlyArray<number>, unknown]>([
    [span("holding", 2, 2), [3, 0, 2, 0, 2], [3, 4, 0, 7, 1, 0], [7, 256]],
    [span("input", 0x102, 1), [4, 1, 2, 0, 1], [4, 2, 255, 255], [65_535]],
    [span("coil", 0, 3), [1, 0, 0, 0, 3], [1, 1, 0b101], [1, 0, 1]],
    [span("discrete", 0, 9), [2, 0, 0, 0, 9], [2, 2, 1, 1], [1, 0, 0, 0, 0, 0, 0, 0, 1]]
  ])("reads %j", ([asked, sent, answer, values]) =>
    Effect.gen(function*() {
      const { connection, requests } = yield* connected(pdu(...answer))
      expect(yield* connection.read(asked)).toEqual(values)
      expect(requests).toMatchObject([{ unit: 9, pdu: sent }])
    }))

  it.scopedLive.each<
    [ModbusConnection.WriteRequest, ReadonlyArray<number>, ReadonlyArray<number>]
  >([
    [{ table: "holding", address: 1, values: [258] }, [6, 0, 1, 1, 2], [6, 0, 1, 1, 2]],
    [
      { table: "holding", address: 1, values: [1, 2] },
      [16, 0, 1, 0, 2, 4, 0, 1, 0, 2],
      [16, 0, 1, 0, 2]
    ],
    [{ table: "coil", address: 3, values: [1] }, [5, 0, 3, 255, 0], [5, 0, 3, 255, 0]],
    [{ table: "coil", address: 3, values: [0] }, [5, 0, 3, 0, 0], [5, 0, 3, 0, 0]],
    [{ table: "coil", address: 3, values: [1, 0, 1] }, [15, 0, 3, 0, 3, 1, 5], [15, 0, 3, 0, 3]]
  ])("writes %j", ([request, sent, answer]) =>
    Effect.gen(function*() {
      const { connection, requests } = yield* connected(pdu(...answer))
      yield* connection.write(request)
      expect(requests).toMatchObject([{ unit: 9, pdu: sent }])
    }))

  it.scopedLive("tells a Modbus exception with its code and the place", () =>
    Effect.gen(function*() {
      const { connection } = yield* connected(pdu(0x83, 2))
      expect(yield* Effect.flip(connection.read(span("holding", 40, 2)))).toEqual(
        new ModbusConnection.ExceptionReply({ code: 2, place: "holding 40-41" })
      )
    }))

  it.scopedLive.each<[string, ReadonlyArray<number>]>([
    ["another value", [6, 0, 1, 0, 8]],
    ["another place", [6, 0, 2, 0, 7]],
    ["another function", [5, 0, 1, 0, 7]],
    ["too little", [6, 0, 1]]
  ])(
    "does not take a reply to a write for its own that says %s",
    ([, answer]) =>
      Effect.gen(function*() {
        const { connection } = yield* connected(pdu(...answer))
        const request = { table: "holding", address: 1, values: [7] } as const
        expect(yield* Effect.flip(connection.write(request))).toMatchObject({
          _tag: "NoReply",
          why: "invalid"
        })
      })
  )

  it.scopedLive.each<[string, ReadonlyArray<number>]>([
    ["fewer registers", [3, 2, 0, 7, 0, 0]],
    ["more registers than it has", [3, 250, 0, 7, 0, 0]],
    ["an empty frame", []]
  ])("does not make up values where a reply has %s", ([, answer]) =>
    Effect.gen(function*() {
      const { connection } = yield* connected(pdu(...answer))
      expect(yield* Effect.flip(connection.read(span("holding", 0, 2)))).toMatchObject({
        _tag: "NoReply",
        why: "invalid"
      })
    }))

  it.scopedLive("passes over a reply of another transaction", () =>
    Effect.gen(function*() {
      const { connection } = yield* connected((request) => {
        reply(request, [3, 2, 0, 1], request.transaction + 1)
        reply(request, [3, 2, 0, 2])
      })
      expect(yield* connection.read(span("holding", 0, 1))).toEqual([2])
    }))

  it.scopedLive("that is closed under way has no reply; after that nothing is sent", () =>
    Effect.gen(function*() {
      const { connection, requests } = yield* connected(({ socket }) => socket.end())
      const read = connection.read(span("holding", 0, 1))
      expect(yield* Effect.flip(read)).toMatchObject({ _tag: "NoReply", why: "closed" })
      expect(yield* connection.closed).toBe("the device closed the connection")
      expect(yield* Effect.flip(read)).toMatchObject({ _tag: "NotSent" })
      expect(requests.length).toBe(1)
    }))

  it.scopedLive("that is reset says so", () =>
    Effect.gen(function*() {
      const { connection } = yield* connected(({ socket }) => socket.resetAndDestroy())
      const error = yield* Effect.flip(connection.read(span("holding", 0, 1)))
      expect(error).toMatchObject({
        _tag: "NoReply",
        detail: expect.stringContaining("ECONNRESET")
      })
    }))

  it.scopedLive("is closed with its scope, and what is under way has no reply then", () =>
    Effect.gen(function*() {
      const server = yield* listen(() => {})
      const scope = yield* Scope.make()
      const connection = yield* Scope.extend(connect(server.target), scope)
      yield* waitUntil("the server has it", () => server.sockets.size === 1)
      const read = yield* Effect.fork(Effect.flip(connection.read(span("holding", 0, 1))))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(read)).toMatchObject({ _tag: "NoReply" })
      yield* waitUntil("the server sees its end", () => server.sockets.size === 0)
    }))
})

describe("where there is no device", () => {
  it.scopedLive("the reason is told", () =>
    Effect.gen(function*() {
      const port = yield* Effect.scoped(occupiedPort)
      const error = yield* Effect.flip(connect({ host: "127.0.0.1", port, unitId: 1 }))
      expect(error.message).toContain(`ECONNREFUSED 127.0.0.1:${port}`)
    }))
})
