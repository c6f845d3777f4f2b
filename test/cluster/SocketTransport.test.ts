import { describe, expect, it } from "@effect/vitest"
import { LeaseStore, PeerTransport, SocketTransport } from "@plantd/cluster"
import { type Batch, WrongSession } from "@plantd/cluster/PeerTransport"
import { Context, Effect, Fiber, Layer, Logger } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { occupiedPort, waitUntil } from "../integration/harness.ts"
import { freePort } from "../integration/ports.ts"

const host = "127.0.0.1"

const batch = (to: string, letters: ReadonlyArray<unknown>): Batch => ({
  from: `${host}:1`,
  session: "a",
  to,
  link: 1,
  sequence: 1,
  sentAt: 0,
  letters
})

/** A node that takes what is for `b`, and sends the number of letters back as a position. */
const servedAfter = (wait: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const transport = yield* PeerTransport
    const port = yield* freePort
    const taken: Array<Batch> = []
    yield* transport.serve({ host, port }, (given) => {
      if (given.to !== "b") return new WrongSession({ session: "b" })
      taken.push(given)
      return Effect.as(wait, { elsewhere: [given.letters.length] })
    })
    const post = yield* transport.connect(`${host}:${port}`)
    return { port, post, taken }
  })

const served = servedAfter(Effect.void)

const layer = Layer.provide(SocketTransport.layer, LeaseStore.layerMemory)
const onSockets = Effect.provide(layer)

/** A transport of another cluster. */
const stranger = Effect.map(Layer.build(Layer.fresh(layer)), Context.get(PeerTransport))

/** What is logged, beside debugging. */
const listening = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => void lines.push(String(message)))
  return { lines, logged: Logger.replace(Logger.defaultLogger, logger) }
}

const opened = (socket: Socket) =>
  Effect.async<void>((resume) => {
    if (!socket.connecting) return resume(Effect.void)
    socket.once("connect", () => resume(Effect.void))
    socket.once("close", () => resume(Effect.void))
  })

/** Waits for the end of a connection, and says what came before. */
const said = (socket: Socket) =>
  Effect.async<string>((resume) => {
    let text = ""
    socket.on("data", (data) => (text += data.toString("latin1")))
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.succeed(text)))
  })

describe("a transport on sockets", () => {
  it.scopedLive("brings batches as they are, and what became of them back", () =>
    Effect.gen(function*() {
      const { post, taken } = yield* served
      const letters = [[0, "Tank", "t-1", "Fill", { by: 1.5, note: "\ud83d\ude00", at: null }], "x"]
      expect(yield* post(batch("b", letters))).toEqual({ elsewhere: [2] })
      expect(taken[0]).toEqual(batch("b", letters))
      const many = Array.from({ length: 20_000 }, (_, index) => `${index}`.padEnd(100, "."))
      expect(yield* post(batch("b", many))).toEqual({ elsewhere: [many.length] })
    }).pipe(onSockets))

  it.scopedLive("says that a batch was for another session", () =>
    Effect.gen(function*() {
      const { post } = yield* served
      const error = yield* Effect.flip(post(batch("c", [])))
      expect(error).toMatchObject({ _tag: "WrongSession", session: "b" })
    }).pipe(onSockets))

  it.scopedLive("says so where nobody listens, and where it cannot listen itself", () =>
    Effect.gen(function*() {
      const transport = yield* PeerTransport
      const post = yield* transport.connect(`${host}:1`)
      expect(yield* Effect.flip(post(batch("b", [])))).toMatchObject({ _tag: "PeerLost" })
      const port = yield* occupiedPort
      const error = yield* Effect.flip(
        transport.serve({ host, port }, () => Effect.succeed({ elsewhere: [] }))
      )
      expect(error).toMatchObject({ _tag: "CannotListen" })
      expect(error.message).toContain("EADDRINUSE")
    }).pipe(onSockets))

  it.scopedLive("goes on where somebody sends it garbage", () =>
    Effect.gen(function*() {
      const { port, post } = yield* served
      for (const garbage of ["GET / HTTP/1.1\r\n\r\n", "\u0000\u00ff\u00c1", "{".repeat(9_999)]) {
        yield* Effect.async<void>((resume) => {
          const socket = connect(port, host, () => socket.end(garbage, () => resume(Effect.void)))
          socket.on("error", () => resume(Effect.void))
        })
      }
      expect(yield* post(batch("b", [1]))).toEqual({ elsewhere: [1] })
    }).pipe(onSockets))

  it.scopedLive("takes nothing from another cluster, and says who came; it tells it nothing", () =>
    Effect.gen(function*() {
      const { lines, logged } = listening()
      const { port, post, taken } = yield* Effect.provide(served, logged)
      const theirs = yield* (yield* stranger).connect(`${host}:${port}`)
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(yield* Effect.flip(theirs(batch("b", [1])))).toMatchObject({ _tag: "PeerLost" })
      }
      expect(taken).toEqual([])
      expect(lines).toEqual([`${host} could not prove that it is a node of this cluster`])
      expect(yield* post(batch("b", [1]))).toEqual({ elsewhere: [1] })
    }).pipe(onSockets))

  it.scopedLive("shows to nobody in between what it brings", () =>
    Effect.gen(function*() {
      const { port, taken } = yield* served
      const passed: Array<Buffer> = []
      const between = createServer((from) => {
        const to = connect(port, host)
        from.on("data", (data) => passed.push(data)).on("error", () => to.destroy()).pipe(to)
        to.on("data", (data) => passed.push(data)).on("error", () => from.destroy()).pipe(from)
      })
      const at = yield* freePort
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => {
          between.listen(at, host, () => resume(Effect.void))
        }),
        () => Effect.sync(() => between.close())
      )
      const post = yield* (yield* PeerTransport).connect(`${host}:${at}`)
      const words = "open the valve".repeat(20)
      expect(yield* post(batch("b", [words]))).toEqual({ elsewhere: [1] })
      expect(taken[0]?.letters).toEqual([words])
      expect(Buffer.concat(passed).length).toBeGreaterThan(words.length)
      expect(Buffer.concat(passed).toString("latin1")).not.toContain("valve")
    }).pipe(onSockets))

  it.scopedLive("has room for a node, however many come that prove nothing; they are cut off", () =>
    Effect.gen(function*() {
      const gate = yield* Effect.makeLatch(false)
      const { port, post: before, taken } = yield* servedAfter(gate.await)
      // What is under way when they come fails where they cut it off.
      const underWay = yield* Effect.fork(before(batch("b", [])))
      yield* waitUntil("it is under way", () => taken.length > 0)
      const silent: Array<Socket> = []
      const ends: Array<Fiber.Fiber<string>> = []
      // No more at once than may wait to be taken.
      for (let wave = 0; wave < 4; wave++) {
        const some = Array.from({ length: 200 }, () => connect(port, host))
        for (const socket of some) ends.push(yield* Effect.fork(said(socket)))
        yield* Effect.forEach(some, opened, { concurrency: "unbounded" })
        silent.push(...some)
      }
      const post = yield* (yield* PeerTransport).connect(`${host}:${port}`)
      yield* gate.open
      expect(yield* Fiber.join(underWay)).toEqual({ elsewhere: [0] })
      expect(yield* post(batch("b", [1]))).toEqual({ elsewhere: [1] })
      expect(silent.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(256)
      expect(new Set(yield* Fiber.joinAll(ends))).toEqual(new Set([""]))
    }).pipe(onSockets))

  it.scopedLive("does not take those for strangers who hang up", () =>
    Effect.gen(function*() {
      const { lines, logged } = listening()
      const { port, post } = yield* Effect.provide(served, logged)
      const socket = connect(port, host)
      const end = yield* Effect.fork(said(socket))
      yield* opened(socket)
      socket.end()
      expect(yield* Fiber.join(end)).toBe("")
      expect(yield* post(batch("b", [1]))).toEqual({ elsewhere: [1] })
      expect(lines).toEqual([])
    }).pipe(onSockets))
})
