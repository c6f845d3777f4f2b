/**
 * Faults between a node and a device process, at a test's command: messages that are dropped,
 * delayed or sent twice on the way, and connections that are reset, or open and mute.
 */
import { Effect, type Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"
import { Dealer, Router } from "zeromq"

/** Which messages a fault befalls: by their direction, their kind, and how many of them. */
export interface Fault {
  readonly of: "requests" | "answers"
  /** `READ`, `WRITE`, `INVOKE`, `REPLY`, …; all where nothing is said. */
  readonly kind?: string
  readonly does: "drop" | "duplicate" | { readonly delayMillis: number }
  /** The first so many; all where nothing is said. */
  readonly count?: number
}

/** A proxy of the command path, message by message. */
export interface FaultProxy {
  /** Where the node connects to. */
  readonly endpoint: string
  /** From now on. */
  readonly fault: (fault: Fault) => void
  /** No faults any more. */
  readonly heal: () => void
  /** How many messages of a kind came to the proxy. */
  readonly seen: (of: Fault["of"], kind: string) => number
}

/** A connection that can break in the ways of TCP. */
export interface TcpProxy {
  readonly port: number
  /** Ends all connections at once, as a peer does that was started anew (RST). */
  readonly reset: () => void
  /** Lets nothing through any more, and ends no connection: half-open. */
  readonly freeze: () => void
  readonly thaw: () => void
}

const kindOf = (frames: ReadonlyArray<Buffer>): string => String(frames[1])

/** Stands between nodes and the ROUTER of a device process until the scope closes. */
export const faultProxy = (target: string): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const front = yield* Effect.acquireRelease(
      Effect.sync(() => new Router({ linger: 0 })),
      (socket) => Effect.sync(() => socket.close())
    )
    yield* Effect.promise(() => front.bind("tcp://127.0.0.1:*"))
    const faults: Array<{ fault: Fault; left: number }> = []
    const counts = new Map<string, number>()
    const timers = new Set<NodeJS.Timeout>()
    const backs = new Map<string, Dealer>()
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const timer of timers) clearTimeout(timer)
        for (const back of backs.values()) back.close()
      })
    )
    const queues = new Map<object, Promise<void>>()
    // One send at a time for each socket; what can no longer be sent is lost, as on a network.
    const send = (socket: Router | Dealer, frames: ReadonlyArray<Buffer>) => {
      const before = queues.get(socket) ?? Promise.resolve()
      queues.set(socket, before.then(() => socket.send([...frames])).catch(() => {}))
    }
    const pass = (of: Fault["of"], frames: ReadonlyArray<Buffer>, on: () => void) => {
      const kind = kindOf(frames)
      counts.set(`${of} ${kind}`, (counts.get(`${of} ${kind}`) ?? 0) + 1)
      const found = faults.find(({ fault, left }) =>
        left > 0 && fault.of === of && (fault.kind ?? kind) === kind
      )
      if (found === undefined) return on()
      found.left--
      const { does } = found.fault
      if (does === "drop") return
      if (typeof does === "object") {
        const timer = setTimeout(() => {
          timers.delete(timer)
          on()
        }, does.delayMillis)
        timers.add(timer)
        return
      }
      on()
      on()
    }
    const backOf = (peer: Buffer): Dealer => {
      const key = peer.toString("hex")
      const known = backs.get(key)
      if (known !== undefined) return known
      const back = new Dealer({ linger: 0 })
      back.connect(target)
      backs.set(key, back)
      void receiveAll(
        back,
        (frames) => pass("answers", frames, () => send(front, [peer, ...frames]))
      )
      return back
    }
    void receiveAll(front, ([peer, ...frames]) => {
      if (peer !== undefined) pass("requests", frames, () => send(backOf(peer), frames))
    })
    return {
      endpoint: front.lastEndpoint ?? "",
      fault: (fault) => void faults.push({ fault, left: fault.count ?? Infinity }),
      heal: () => void faults.splice(0),
      seen: (of, kind) => counts.get(`${of} ${kind}`) ?? 0
    }
  })

const receiveAll = async (
  socket: Router | Dealer,
  handle: (frames: ReadonlyArray<Buffer>) => void
): Promise<void> => {
  try {
    for await (const frames of socket) handle(frames)
  } catch {
    // It was closed: the test is over.
  }
}

/** Stands between connections and a port of this machine until the scope closes. */
export const tcpProxy = (target: number): Effect.Effect<TcpProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pairs = new Set<readonly [Socket, Socket]>()
    let frozen = false
    const hold = ([a, b]: readonly [Socket, Socket]) => {
      for (const socket of [a, b]) {
        socket.unpipe()
        socket.pause()
      }
    }
    const join = ([a, b]: readonly [Socket, Socket]) => {
      a.pipe(b)
      b.pipe(a)
    }
    const server = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const made = createServer((near) => {
          const far = connect(target, "127.0.0.1")
          const pair = [near, far] as const
          pairs.add(pair)
          const ends = (socket: Socket, other: Socket) => {
            socket.on("error", () => {})
            socket.on("close", () => {
              pairs.delete(pair)
              if (!frozen) other.destroy()
            })
          }
          ends(near, far)
          ends(far, near)
          if (frozen) hold(pair)
          else join(pair)
        })
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const [near, far] of pairs) {
            near.destroy()
            far.destroy()
          }
          made.close()
        })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      reset: () => {
        for (const [near, far] of pairs) {
          near.resetAndDestroy()
          far.destroy()
        }
      },
      freeze: () => {
        frozen = true
        for (const pair of pairs) hold(pair)
      },
      thaw: () => {
        frozen = false
        for (const pair of pairs) join(pair)
      }
    }
  })
