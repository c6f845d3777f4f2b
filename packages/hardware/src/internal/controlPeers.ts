/** Who asks through a door, and what of theirs is under way. Plain code: it runs per message. */
import { Effect, type Fiber } from "effect"
import type { Settings } from "../ControlDoor.ts"
import type { ErrorCode } from "../ControlProtocol.ts"
import { windowMax } from "../ControlProtocol.ts"

/** How many more messages of a stream its reader wants: what it has no room for is not sent. */
export class Window {
  private left: number
  private waiter: (() => void) | undefined

  constructor(left: number) {
    this.left = left
  }

  /** Lets so many more be sent; never more than `windowMax` at a time. */
  grant(items: number): void {
    this.left = Math.min(windowMax, this.left + items)
    const waiter = this.waiter
    this.waiter = undefined
    waiter?.()
  }

  /** Waits until one may be sent. One caller at a time. */
  readonly take: Effect.Effect<void> = Effect.suspend(() => {
    if (this.left > 0) {
      this.left--
      return Effect.void
    }
    return Effect.zipRight(this.wait, this.take)
  })

  private readonly wait: Effect.Effect<void> = Effect.async((resume) => {
    this.waiter = () => resume(Effect.void)
    return Effect.sync(() => {
      this.waiter = undefined
    })
  })
}

/** A request under way. */
export interface Running {
  readonly key: string
  readonly streams: boolean
  /** It has room of its own. */
  readonly urgent: boolean
  readonly window: Window
  fiber: Fiber.RuntimeFiber<void> | undefined
}

/** A peer with requests under way; without them nothing of it is kept. */
export interface Peer {
  readonly key: string
  readonly running: Map<string, Running>
  /** By the clock that never jumps, in milliseconds. */
  heardAt: number
}

interface Kind {
  readonly urgent: boolean
  readonly streams: boolean
}

/** Why a request finds no room. */
export interface Refusal {
  readonly code: ErrorCode
  readonly message: string
}

/** The peers of one door. */
export class Peers {
  private readonly byKey = new Map<string, Peer>()
  /** What is under way of all peers; `requests` are those that are not urgent. */
  readonly count = { requests: 0, urgent: 0, streams: 0 }

  get(id: Uint8Array): Peer | undefined {
    return this.byKey.get(keyOf(id))
  }

  get all(): ReadonlyArray<Peer> {
    return [...this.byKey.values()]
  }

  /** Why another request of a peer is not taken, or nothing. */
  refusal(
    id: Uint8Array,
    key: string,
    { settings, streams, urgent }: Kind & { readonly settings: Settings }
  ): Refusal | undefined {
    const running = this.get(id)?.running
    if (running?.has(key) === true) {
      return { code: "duplicate-id", message: "a request of yours with this id is under way" }
    }
    if (urgent) return busy("urgent requests", this.count.urgent, "urgentMax", settings)
    const own = [...running?.values() ?? []].filter((other) => !other.urgent)
    const ownStreams = own.filter((other) => other.streams).length
    return busy("requests of yours", own.length, "peerRequestsMax", settings)
      ?? busy("requests", this.count.requests, "requestsMax", settings)
      ?? (streams ? busy("streams of yours", ownStreams, "peerStreamsMax", settings) : undefined)
      ?? (streams ? busy("streams", this.count.streams, "streamsMax", settings) : undefined)
  }

  /** Remembers a request; it ends by `end`. */
  begin(
    id: Uint8Array,
    key: string,
    { now, streams, urgent, window }: Kind & { readonly now: number; readonly window: Window }
  ): { readonly of: Peer; readonly running: Running } {
    const of = this.get(id) ?? { key: keyOf(id), running: new Map(), heardAt: now }
    this.byKey.set(of.key, of)
    const running: Running = { key, streams, urgent, window, fiber: undefined }
    of.running.set(key, running)
    this.tally(running, 1)
    return { of, running }
  }

  /** Forgets a request, and a peer without any. Only the first call counts. */
  end(peer: Peer, running: Running): void {
    if (peer.running.get(running.key) !== running) return
    peer.running.delete(running.key)
    this.tally(running, -1)
    if (peer.running.size === 0) this.byKey.delete(peer.key)
  }

  private tally(running: Running, by: 1 | -1): void {
    this.count[running.urgent ? "urgent" : "requests"] += by
    if (running.streams) this.count.streams += by
  }
}

const busy = (
  what: string,
  count: number,
  bound: keyof Settings,
  settings: Settings
): Refusal | undefined =>
  count < settings[bound] ? undefined : {
    code: "busy",
    message: `${count} ${what} are under way already (${bound})`
  }

const keyOf = (id: Uint8Array): string => String.fromCharCode(...id)
