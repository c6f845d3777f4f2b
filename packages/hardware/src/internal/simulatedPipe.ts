/**
 * One direction of a simulated connection: messages under way, in order, bounded, and held while
 * the direction is cut, as TCP holds what it cannot deliver yet.
 */
import type { Frames } from "../Transport.ts"
import type { Timeline } from "./timeline.ts"

/** How messages travel through a link; the same in both directions. */
export interface LinkSettings {
  /** Shortest and longest time under way, drawn for each message, in whole milliseconds. */
  readonly latencyMillis: { readonly min: number; readonly max: number }
  /** The part of the messages, 0 to 1, that vanish. */
  readonly loss: number
  /** The part of the messages, 0 to 1, that arrive twice. */
  readonly duplicate: number
}

/** What a pipe asks of what surrounds it. */
export interface PipeOptions {
  readonly timeline: Timeline
  /** Messages under way at most. */
  readonly capacity: number
  readonly link: () => LinkSettings
  /** Nothing is delivered while this holds; call `drain` when it ends. */
  readonly isHeld: () => boolean
  /** Takes a message at the far end; false where it has no room: it calls `drain` later. */
  readonly deliver: (frames: Frames) => boolean
  readonly onLost: () => void
}

/** A direction of a connection. */
export interface Pipe {
  /** Takes a message on its way; false where `capacity` messages are under way. */
  readonly push: (frames: Frames) => boolean
  readonly hasRoom: () => boolean
  /** Delivers what is due; to be called when a reason to hold messages has gone. */
  readonly drain: () => void
  /** Forgets what is under way. */
  readonly clear: () => void
}

/** A time under way in whole milliseconds, drawn from the settings. */
export const latencyOf = ({ latencyMillis: { max, min } }: LinkSettings, timeline: Timeline) =>
  Math.round(max > min ? min + timeline.random() * (max - min) : min)

/** An empty pipe. */
export const make = (options: PipeOptions): Pipe => {
  const { capacity, deliver, isHeld, link, onLost, timeline } = options
  let queue: Array<{ readonly frames: Frames; readonly due: number }> = []
  let awaited = Infinity

  const drain = (): void => {
    awaited = Infinity
    while (queue.length > 0 && !isHeld()) {
      const { due, frames } = queue[0]!
      if (due > timeline.now()) return awaitDue(due)
      if (!deliver(frames)) return
      queue.shift()
    }
  }
  const awaitDue = (due: number) => {
    awaited = due
    timeline.at(due, () => {
      if (awaited === due) drain()
    })
  }
  const enqueue = (frames: Frames) => {
    // Behind the one in front even where it is due earlier: a connection keeps its order.
    queue.push({ frames, due: timeline.now() + latencyOf(link(), timeline) })
  }
  const happens = (probability: number) => probability > 0 && timeline.random() < probability

  return {
    push: (frames) => {
      if (queue.length >= capacity) return false
      const { duplicate, loss } = link()
      if (happens(loss)) {
        onLost()
        return true
      }
      enqueue(frames)
      if (happens(duplicate) && queue.length < capacity) enqueue(frames)
      if (awaited === Infinity) drain()
      return true
    },
    hasRoom: () => queue.length < capacity,
    drain: () => {
      if (awaited === Infinity) drain()
    },
    clear: () => {
      queue = []
    }
  }
}
