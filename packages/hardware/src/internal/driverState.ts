/** What the parts of a running driver share, and how they answer and complain. */
import { type Epoch, type Fence, Monotonic } from "@plantd/core"
import { Cause, type Clock, Effect, Either, Metric } from "effect"
import type { DeviceDefinition } from "../DeviceDefinition.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { Counters, Options, Settings } from "../Driver.ts"
import type { Deed } from "../DriverObserver.ts"
import type { Frames, Socket } from "../Transport.ts"
import type { DriverStoreService } from "../DriverStore.ts"
import type { CommandCodec, PlainHandlers, Trouble } from "./driverHandlers.ts"
import type { CommandMemory } from "./driverMemory.ts"
import type { Sessions } from "./driverSessions.ts"
import type { LogLimiter } from "./logLimiter.ts"

/** All that a driver is made from. */
export interface Setup {
  readonly definition: DeviceDefinition
  readonly handlers: PlainHandlers
  readonly options: Options<never>
  readonly settings: Settings
}

/** A driver's sockets, sessions and counts. The receiver and the publisher alone change it. */
export interface DriverState extends Setup {
  readonly epoch: Epoch.Epoch
  readonly clock: Clock.Clock
  readonly router: Socket
  readonly publisher: Socket
  readonly sessions: Sessions
  readonly store: DriverStoreService
  readonly memory: CommandMemory
  /** The one permit to store a higher fence, and the messages that wait for it. */
  readonly raising: { readonly turn: Effect.Semaphore; waiting: number; fence: Fence.Fence }
  readonly codecs: ReadonlyMap<string, CommandCodec>
  readonly indices: ReadonlyMap<string, number>
  /** Runs work beside the receiver, until the driver ends. */
  readonly fork: (work: Effect.Effect<void>) => Effect.Effect<void>
  /** The one permit to carry out a command. */
  readonly turn: Effect.Semaphore
  /** The one permit to make the device safe. */
  readonly safeTurn: Effect.Semaphore
  readonly logged: LogLimiter
  /** Tells whoever looks on. */
  readonly tell: (deed: Deed) => void
  readonly counters: { -readonly [K in keyof Counters]: Counters[K] }
  /** Of the reading that was published last. */
  seq: number
  readsRunning: number
  /** Commands that wait or are being carried out, by their lane. */
  readonly commands: { ordinary: number; emergency: number }
  lagMillis: number
  /** When any session was heard last; `undefined` before the first one. */
  heardAt: number | undefined
  /** Raised when the device is made safe: what was received before is not begun any more. */
  silences: number
  /** What the author's probe said last, and when it was asked where it has not answered yet. */
  readonly hardware: { known: Protocol.Hardware; askedAt: number | undefined }
}

/** What drivers count for the whole process. */
export const driverMetrics = {
  readings: Metric.counter("plantd_driver_readings_total", {
    description: "Readings that drivers published",
    incremental: true
  }),
  commands: Metric.counter("plantd_driver_commands_total", {
    description: "Writes and commands that drivers carried out",
    incremental: true
  }),
  refused: Metric.counter("plantd_driver_commands_refused_total", {
    description: "Requests that drivers refused",
    incremental: true
  }),
  duplicate: Metric.counter("plantd_driver_commands_duplicate_total", {
    description: "Writes and commands that drivers had been given before and did not repeat",
    incremental: true
  }),
  malformed: Metric.counter("plantd_driver_frames_malformed_total", {
    description: "Messages to drivers that were not of the device protocol",
    incremental: true
  })
}

/** The clock of a driver that never jumps, in milliseconds. */
export const nowOf = (driver: DriverState): number => Monotonic.millis(driver.clock)

/** Writes a warning, unless one of this kind was written a moment ago. */
export const warn = (
  driver: DriverState,
  kind: string,
  text: string
): Effect.Effect<void> => {
  const suppressed = driver.logged.admit(kind, nowOf(driver))
  if (suppressed === undefined) return Effect.void
  const more = suppressed === 0 ? "" : ` (and ${suppressed} more of its kind)`
  return Effect.annotateLogs(Effect.logWarning(text + more), {
    device: driver.options.device,
    endpoint: driver.router.endpoint
  })
}

/** Who asked, and under which id. */
export interface Asker {
  readonly peer: Uint8Array
  readonly id: Uint8Array
}

/** The kind of an answer, and what it says. */
export type Said = readonly [kind: Protocol.Answer["kind"], body: object]

/** The frames of an answer; of one that cannot be encoded, those of an answer that says so. */
export const framesOf = (id: Uint8Array, [kind, body]: Said): Frames =>
  Either.match(Protocol.encode(kind, id, body), {
    onLeft: (error) => framesOf(id, fallback([kind, body], error.message)),
    onRight: (frames) => frames
  })

const fallback = ([kind, body]: Said, reason: string): Said => {
  if (kind === "ERROR") return [kind, { ...body, message: "its reason cannot be told" }]
  // What was carried out did not fail: its result alone cannot be told.
  return "result" in body
    ? [kind, { result: null, resultFault: reason }]
    : ["ERROR", { code: "failed", message: reason }]
}

/** Sends frames; where that is not possible it is counted, and the node will not hear them. */
export const send = (
  driver: DriverState,
  asker: Asker,
  frames: Frames
): Effect.Effect<void> =>
  Effect.catchAll(driver.router.send([asker.peer, ...frames]), (error) => {
    driver.counters.sendsFailed++
    return warn(driver, "send", `an answer was lost: ${error.message}`)
  })

/** Sends an answer. */
export const answer = (driver: DriverState, asker: Asker, ...said: Said): Effect.Effect<void> =>
  send(driver, asker, framesOf(asker.id, said))

/** True where the code does not promise that nothing was done. */
export const mayHaveActed = (code: Protocol.ErrorCode): boolean =>
  code === "failed" || code === "unknown"

/** What was asked for, and by whom where that is no session. */
export interface Refused {
  readonly title?: string
  readonly commandId?: string
  readonly node?: string
}

/** Answers that a request did not succeed. */
export const refuse = (
  driver: DriverState,
  asker: Asker,
  trouble: Trouble,
  { commandId, node, title }: Refused = {}
): Effect.Effect<void> => {
  if (!mayHaveActed(trouble.code)) countRefused(driver)
  driver.tell({
    _tag: "Refused",
    node: node ?? driver.sessions.get(asker.peer)?.node,
    title,
    commandId,
    trouble
  })
  return answer(driver, asker, ...problem(driver, trouble))
}

/** Counts a request that was refused. */
export const countRefused = (driver: DriverState): void => {
  driver.counters.commandsRefused++
  driverMetrics.refused.unsafeUpdate(1, [])
}

/** The answer that says of a trouble; where a node was replaced, also by which fence. */
export const problem = (driver: DriverState, { code, message }: Trouble): Said => [
  "ERROR",
  code === "stale-fence"
    ? { code, message, fence: driver.sessions.highestFence }
    : { code, message }
]

/** The answer to what must not be begun any more. */
export interface Overtaken extends Trouble {
  readonly code: "expired" | "stale-fence"
}

/** The answer to what is past its deadline. */
export const expired: Overtaken = {
  code: "expired",
  message: "its deadline had passed before it could be begun; it was not carried out"
}

/** The answer to what waited while no node was heard. */
export const silenced: Overtaken = {
  code: "expired",
  message: "the node fell silent and the device was made safe before it could be begun;"
    + " it was not carried out"
}

/** The answer to what waited when its node ended the session. */
export const departed: Overtaken = {
  code: "expired",
  message: "the node said goodbye before it could be begun; it was not carried out"
}

/** The answer to a node that was replaced. */
export const staleFence = (driver: DriverState, fence: number): Overtaken => ({
  code: "stale-fence",
  message: `fence ${fence} is below ${driver.sessions.highestFence}: another node took over`
})

/** Says that a handler crashed; what it fails with is told to the node alone. */
export const logDefect = (
  driver: DriverState,
  handler: string,
  cause: Cause.Cause<unknown>
): Effect.Effect<void> =>
  Cause.isFailure(cause) || Cause.isInterruptedOnly(cause)
    ? Effect.void
    : warn(driver, handler, `the handler ${handler} crashed: ${Cause.pretty(cause)}`)
