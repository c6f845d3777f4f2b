/**
 * The peer `bare`: raw sockets of zeromq.js between the same two processes, with as many frames of
 * about the same size, and nothing in them that anybody would look at.
 */
import { Effect, type Scope } from "effect"
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import * as zmq from "zeromq"
import type { Measure } from "../Figure.ts"
import { folder } from "../folder.ts"
import { quantile } from "../Statistics.ts"

/** The bodies of a READ, an INVOKE, their REPLYs, and a batch of 100 readings; in bytes. */
const bytes = { read: 51, readReply: 52, command: 104, commandReply: 13, batch: 1_143 }

/** What is asked and answered: as a read, or as a command. */
export type Exchange = "read" | "command"

const kinds = { read: "READ", command: "INVOKE" }
const frames = (kind: string, size: number) => ["PDP1", kind, "r1000", Buffer.alloc(size, 0x2a)]

const requests = {
  read: frames(kinds.read, bytes.read),
  command: frames(kinds.command, bytes.command)
}

const replies = {
  read: frames("REPLY", bytes.readReply),
  command: frames("REPLY", bytes.commandReply)
}

const batch = ["probe-1", "PDP1", Buffer.alloc(bytes.batch, 0x2a)]

const opened = <Socket extends { readonly close: () => void }>(
  open: () => Socket
): Effect.Effect<Socket, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(open), (socket) => Effect.sync(() => socket.close()))

/** The side of the device process: answers at once, and publishes when it is told to. */
export const serve = Effect.gen(function*() {
  const router = yield* opened(() => new zmq.Router({ linger: 0 }))
  const publisher = yield* opened(() => new zmq.Publisher({ linger: 0 }))
  yield* Effect.promise(() => router.bind("tcp://127.0.0.1:*"))
  yield* Effect.promise(() => publisher.bind("tcp://127.0.0.1:*"))
  const answer = async () => {
    for await (const [peer, , kind] of router) {
      const reply = String(kind) === kinds.read ? replies.read : replies.command
      await router.send([peer ?? "", ...reply])
    }
  }
  // It ends when its socket is closed, with this process.
  answer().catch(() => {})
  return {
    commands: router.lastEndpoint ?? "",
    telemetry: publisher.lastEndpoint ?? "",
    publish: Effect.promise(() => publisher.send(batch))
  }
})

/** The bytes of a page of a database, and how many of them are written before the first again. */
const page = { bytes: 4_096, count: 1_000 }

/**
 * A write to the disk before and after each round trip, of one page each, as little as a journal
 * can do. The file has its size from the beginning, as the log of a database has after a while.
 */
const syncedWrites: Effect.Effect<() => void, never, Scope.Scope> = Effect.gen(function*() {
  const path = join(yield* folder, "bare.log")
  const file = yield* Effect.acquireRelease(
    Effect.sync(() => openSync(path, "w")),
    (opened) => Effect.sync(() => closeSync(opened))
  )
  const bytes = Buffer.alloc(page.bytes, 0x2a)
  const write = (index: number) => {
    writeSync(file, bytes, 0, page.bytes, index * page.bytes)
  }
  for (let index = 0; index < page.count; index++) write(index)
  fdatasyncSync(file)
  let written = 0
  return () => {
    write(written++ % page.count)
    fdatasyncSync(file)
  }
})

/** The same round trips as `roundTrips`, each between two writes that wait for the disk. */
export const syncedRoundTrips = (
  endpoint: string,
  exchange: Exchange
): Effect.Effect<Measure, never, Scope.Scope> =>
  Effect.flatMap(syncedWrites, (write) => roundTrips(endpoint, exchange, write))

/** Median microseconds of round trips from a DEALER, one outstanding, a call on either side. */
export const roundTrips = (
  endpoint: string,
  exchange: Exchange,
  around = () => {}
): Effect.Effect<Measure, never, Scope.Scope> =>
  Effect.map(opened(() => new zmq.Dealer({ linger: 0 })), (dealer) => {
    dealer.connect(endpoint)
    return (millis) =>
      Effect.promise(async () => {
        const micros: Array<number> = []
        let now = process.hrtime.bigint()
        const end = now + BigInt(Math.ceil(millis * 1e6))
        while (now < end) {
          around()
          await dealer.send(requests[exchange])
          await dealer.receive()
          around()
          const after = process.hrtime.bigint()
          micros.push(Number(after - now) / 1e3)
          now = after
        }
        return quantile(micros.toSorted((a, b) => a - b), 0.5)
      })
  })

/** Receives the batches of a SUB, so many at a time. */
export const receiver = (
  endpoint: string
): Effect.Effect<(batches: number) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const subscriber = yield* opened(() => new zmq.Subscriber({ linger: 0 }))
    subscriber.subscribe("probe-1")
    const joined = new Promise<void>((resolve) => {
      subscriber.events.on("handshake", () => resolve())
    })
    subscriber.connect(endpoint)
    yield* Effect.promise(() => joined)
    return (batches) =>
      Effect.promise(async () => {
        for (let i = 0; i < batches; i++) await subscriber.receive()
      })
  })
