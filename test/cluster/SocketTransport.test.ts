import { describe, expect, it } from "@effect/vitest"
import { PeerTransport, SocketTransport } from "@plantd/cluster"
import { type Batch, WrongSession } from "@plantd/cluster/PeerTransport"
import { Effect } from "effect"
import { connect } from "node:net"
import { occupiedPort } from "../integration/harness.ts"

const ports = { next: 25_700 + (process.pid % 400) * 10 }
const host = "127.0.0.1"

const batch = (to: string, letters: ReadonlyArray<unknown>): Batch => ({
  from: `${host}:1`,
  session: "a",
  to,
  link: 1,
  sequence: 1,
  letters
})

/** A node that takes what is for `b`, and sends the number of letters back as a position. */
const served = Effect.gen(function*() {
  const transport = yield* PeerTransport
  const port = ports.next++
  const taken: Array<Batch> = []
  yield* transport.serve({ host, port }, (given) => {
    if (given.to !== "b") return new WrongSession({ session: "b" })
    taken.push(given)
    return Effect.succeed({ elsewhere: [given.letters.length] })
  })
  const post = yield* transport.connect(`${host}:${port}`)
  return { port, post, taken }
})

const onSockets = Effect.provide(SocketTransport.layer)

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
})
