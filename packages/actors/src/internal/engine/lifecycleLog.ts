/** What the log is told of the lives of actors: so much of each kind within a time, in bounds. */
import { Duration, Effect, Runtime } from "effect"
import { type ActorAddress, format } from "../../ActorAddress.ts"
import type { Settings } from "../../ActorSystem.ts"
import type { DeadLetter } from "../../DeadLetter.ts"
import type { LifecycleEvent } from "../../LifecycleEvent.ts"

type Level = "error" | "warning"

/** What the rate limiters need. */
interface Bounds {
  readonly max: number
  readonly windowMillis: number
  readonly write: (level: Level, text: string) => void
}

/** Logs crashes as errors; restarts, stops by supervision and dead letters as warnings. */
export class LifecycleLog {
  private readonly crashes: Limiter
  private readonly restarts: Limiter
  private readonly stops: Limiter
  private readonly deadLetters: Limiter

  constructor(settings: Settings, runtime: Runtime.Runtime<never>) {
    const bounds: Bounds = {
      max: settings.linesLogged,
      windowMillis: Duration.toMillis(settings.logWindow),
      write: (level, text) => {
        const line = level === "error" ? Effect.logError(text) : Effect.logWarning(text)
        Runtime.runFork(runtime)(line, { immediate: false })
      }
    }
    this.crashes = new Limiter("crashes", "error", bounds)
    this.restarts = new Limiter("restarts", "warning", bounds)
    this.stops = new Limiter("stops", "warning", bounds)
    this.deadLetters = new Limiter("dead letters", "warning", bounds)
  }

  /** A start, and an end that somebody asked for, are no news for the log. */
  lifecycle(event: LifecycleEvent): void {
    if (event._tag === "Crashed") {
      this.crashes.add(event.at, () => `${incarnationOf(event)} crashed: ${event.cause}`)
    } else if (event._tag === "Restarting") {
      const { delayMillis } = event
      const delay = Math.round(delayMillis)
      this.restarts.add(event.at, () => `${incarnationOf(event)} is built anew in ${delay} ms`)
    } else if (event._tag === "Stopped") {
      const { at, reason } = event
      if (reason !== "crashed" && reason !== "restart-limit") return
      this.stops.add(at, () => `${incarnationOf(event)} was the last, it stopped: ${reason}`)
    }
  }

  deadLetter({ address, at, reason, tag }: DeadLetter): void {
    const text = () => `dead letter: ${format(address)} will not handle ${tag}: ${reason}`
    this.deadLetters.add(at, text)
  }
}

interface Incarnation {
  readonly address: ActorAddress
  readonly incarnation: number
}

const incarnationOf = ({ address, incarnation }: Incarnation): string =>
  `${format(address)}, incarnation ${incarnation},`

/** Writes some lines, and how many it left out; the event stream has them all. */
class Limiter {
  private readonly kind: string
  private readonly level: Level
  private readonly bounds: Bounds
  private since = Number.NEGATIVE_INFINITY
  private count = 0

  constructor(kind: string, level: Level, bounds: Bounds) {
    this.kind = kind
    this.level = level
    this.bounds = bounds
  }

  /** The text is made only where it is written. */
  add(at: number, text: () => string): void {
    const { bounds: { max, windowMillis, write }, kind, level } = this
    if (at - this.since >= windowMillis) {
      const leftOut = this.count - max
      if (leftOut > 0 && max > 0) write(level, `${kind}: ${leftOut} more were not logged`)
      this.since = at
      this.count = 0
    }
    this.count++
    if (this.count <= max) write(level, text())
  }
}
