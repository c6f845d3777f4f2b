/** Peers for tests that speak the device protocol frame by frame, and so can break it. */
import { Epoch, Fence } from "@plantd/core"
import { DeviceProtocol as Protocol, Link, Transport } from "@plantd/hardware"
import { Effect, Either, TestClock } from "effect"
import { Pump } from "./pump.ts"

export const commands = "tcp://127.0.0.1:5701"
export const telemetry = "tcp://127.0.0.1:5702"

/** Waits until a condition holds, without time passing; fails when it never does. */
export const until = <A, E, R>(
  what: string,
  check: Effect.Effect<A | false | undefined, E, R>
): Effect.Effect<A, E, R> => {
  const again = (left: number): Effect.Effect<A, E, R> =>
    Effect.flatMap(check, (found) => {
      if (found !== undefined && found !== false) return Effect.succeed(found)
      return left === 0
        ? Effect.dieMessage(`waited in vain until ${what}`)
        : Effect.zipRight(Effect.yieldNow(), again(left - 1))
    })
  return again(5_000)
}

/** Waits until a condition holds, while virtual time passes: for a minute at most. */
export const inTime = <E, R>(
  what: string,
  check: Effect.Effect<boolean, E, R>
): Effect.Effect<void, E, R> => {
  const again = (left: number): Effect.Effect<void, E, R> =>
    Effect.flatMap(check, (holds) => {
      if (holds) return Effect.void
      if (left === 0) return Effect.dieMessage(`waited in vain until ${what}`)
      return settle.pipe(
        Effect.zipRight(TestClock.adjust("100 millis")),
        Effect.zipRight(again(left - 1))
      )
    })
  return again(600)
}

/** Lets everything run that can run without time passing. */
export const settle = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow(), {
  discard: true
})

const open = (options: Transport.SocketOptions) =>
  Effect.flatMap(Transport.Transport, (transport) => transport.open(options))

/** The sockets of a device process, and its side of the protocol by hand. */
export const rawDriver = Effect.gen(function*() {
  const router = yield* open({ kind: "router", mode: "bind", endpoint: commands })
  const publisher = yield* open({ kind: "pub", mode: "bind", endpoint: telemetry })
  const receive = Effect.map(router.receive, ([peer = new Uint8Array(), ...frames]) => ({
    peer,
    request: Either.getOrThrow(Protocol.decodeRequest(frames))
  }))
  type Received = Effect.Effect.Success<typeof receive>
  const answer = (to: Received, kind: Protocol.Answer["kind"], body: object) =>
    router.send([to.peer, ...Either.getOrThrow(Protocol.encode(kind, to.request.id, body))])
  const ready = {
    protocol: 1,
    device: "p-1",
    epoch: 1,
    seq: 0,
    description: Pump.description,
    heartbeatMillis: 1_000
  }
  /** Receives until a request of this kind comes. */
  const await_ = (kind: Protocol.Request["kind"]): Effect.Effect<Received> =>
    Effect.orDie(Effect.repeat(receive, { until: ({ request }) => request.kind === kind }))
  const batch = (
    seq: number,
    readings: ReadonlyArray<ReadonlyArray<unknown>>,
    more: object = {}
  ) => ({ epoch: 1, seq, time: 1_000, readings, ...more })
  return {
    router,
    publisher,
    receive,
    answer,
    ready,
    batch,
    await: await_,
    /** Accepts a session, and answers the snapshot that follows. */
    accept: (more: object = {}) =>
      Effect.gen(function*() {
        const hello = yield* await_("HELLO")
        yield* answer(hello, "READY", { ...ready, ...more })
        const snapshot = yield* await_("READ")
        yield* answer(snapshot, "REPLY", batch(0, [[0, 1]], more))
        return hello
      }),
    publish: (body: unknown, device = "p-1") =>
      publisher.send([
        new TextEncoder().encode(device),
        new TextEncoder().encode("PDP1"),
        pack(body)
      ])
  }
})

const pack = (body: unknown): Uint8Array => {
  const [, , , bytes] = Either.getOrThrow(Protocol.encode("BYE", Protocol.idOf("x"), { body }))
  // The value of a map with the one key "body": what stands after 0x81 and the key's five bytes.
  return (bytes ?? new Uint8Array()).subarray(6)
}

/** Of all nodes by hand: a commandId names one command and no other. */
let given = 0

/** The socket of a node, and its side of the protocol by hand. */
export const rawNode = (endpoint: string) =>
  Effect.gen(function*() {
    const dealer = yield* open({ kind: "dealer", mode: "connect", endpoint })
    yield* dealer.event
    let requests = 0
    const send = (kind: Protocol.Request["kind"], body: object, id = `n${++requests}`) =>
      dealer.send(Either.getOrThrow(Protocol.encode(kind, Protocol.idOf(id), body)))
    const receive = Effect.map(
      dealer.receive,
      (frames) => Either.getOrThrow(Protocol.decodeAnswer(frames))
    )
    const ask = (kind: Protocol.Request["kind"], body: object) =>
      Effect.zipRight(send(kind, body), receive)
    const hello = {
      protocol: [1],
      device: "p-1",
      node: "test",
      fence: 0,
      epoch: 1,
      sentAt: 0,
      description: Pump.description
    }
    return {
      dealer,
      send,
      receive,
      ask,
      hello,
      /** What is common to writes and commands, with a commandId of its own. */
      command: (sentAt: number, deadlineMs = 1_000) => ({
        sentAt,
        deadlineMs,
        commandId: `c-${++given}`,
        fence: 0,
        epoch: 1
      })
    }
  })

/** A link with an owner that remembers all it was told. */
export const openLink = (options: Partial<Link.ZmqOptions> = {}) => {
  const told = {
    batches: [] as Array<Protocol.Batch>,
    snapshots: [] as Array<Protocol.Batch>,
    missing: [] as Array<Link.Missing>,
    statuses: [] as Array<Link.LinkStatus>
  }
  const owner: Link.LinkOwner = {
    device: "p-1",
    node: "test",
    fence: Fence.none,
    epoch: Epoch.first,
    description: Pump.description,
    onBatch: (batch) => told.batches.push(batch),
    onSnapshot: (batch) => told.snapshots.push(batch),
    onMissing: (missing) => told.missing.push(missing),
    onStatus: (status) => told.statuses.push(status)
  }
  return Effect.map(Link.zmq({ commands, telemetry, ...options })(owner), (link) => ({
    link,
    told,
    states: () => told.statuses.map((status) => status.state),
    /** Waits until the link is in this state. */
    reaches: (state: Link.LinkStatus["state"]) =>
      until(
        `the link is ${state}`,
        Effect.map(link.status, (status) => status.state === state && status)
      )
  }))
}
