/** What the parts of a device's command path share: what is under way, and what is unsettled. */
import type { Command } from "@plantd/core"
import type { Deferred, Effect } from "effect"
import type { CommandRecord, Intent } from "../CommandJournal.ts"
import type { CommandStatus } from "../CommandStatus.ts"
import type { Lane } from "../DeviceCommand.ts"
import type { CommandError } from "../DeviceError.ts"
import type { DeviceStoreService, Holder } from "../DeviceStore.ts"
import type { CommandOptions, LinkError } from "../LinkPort.ts"
import type { Arrival } from "./attributeTable.ts"
import type { CommandLane } from "./commandLane.ts"
import type { Look } from "./commandLook.ts"
import type { DeviceState } from "./deviceActor.ts"
import type { Listeners } from "./listeners.ts"

/** Of which device, and what was asked of it. */
export interface Operation {
  readonly device: string
  readonly operation: string
}

/** A write or a command as it was asked for, checked against the definition. */
export interface Job {
  readonly of: Operation
  readonly commandId: string
  /** True where its asker chose the id, and so may have asked before. */
  readonly known: boolean
  /** Under which it is journalled. */
  readonly name: string
  /** As JSON text. */
  readonly args: string
  readonly effect: Command.Effect
  readonly lane: Lane
  readonly session: string | undefined
  readonly expectedEpoch: number | undefined
  readonly allowedIn: ReadonlyArray<string> | undefined
  /** Until when its asker waits, by the clock that never jumps. */
  readonly until: number
  readonly look: Look | undefined
  readonly send: (options: CommandOptions) => Effect.Effect<unknown, LinkError>
}

/** What its asker is told of a command that succeeded. */
export interface Answer {
  readonly commandId: string
  readonly result: unknown
}

/** A job on its way. */
export interface Flight {
  readonly job: Job
  readonly answer: Deferred.Deferred<Answer, CommandError>
  state: Command.State
  progress: number | undefined
  /** Takes it out of the queue, while it waits there. */
  cancel: (() => void) | undefined
  /** What `changes` of its desk was when it was sent. */
  mark: number
}

/** The command path of one incarnation of a device actor. */
export interface Desk {
  readonly state: DeviceState
  readonly store: DeviceStoreService
  readonly holder: Holder
  readonly lane: CommandLane
  /** By command id. */
  readonly flights: Map<string, Flight>
  /** Commands of unknown outcome, by id, the oldest first. */
  readonly unsettled: Map<string, CommandRecord>
  /** When the transport took what is not answered yet, by command id; stored with its outcome. */
  readonly sent: Map<string, Arrival>
  /** Someone looks after what is in `sent` for long. */
  noting: boolean
  /** The newest command of each name, by its id: an older one is not sent again after it. */
  readonly newest: Map<string, string>
  /**
   * Of each command of unknown outcome that is not looked after yet: what `changes` was when it was
   * sent. More than that now, and what is seen on the device may be the doing of a later one.
   */
  readonly marks: Map<string, number>
  /** How many commands were sent that may have changed something. */
  changes: number
  readonly listeners: Listeners<CommandStatus>
  /** Runs beside the handlers, until the incarnation ends. */
  readonly start: (work: Effect.Effect<void>) => void
  /** The same, as an effect. */
  readonly fork: (work: Effect.Effect<void>) => Effect.Effect<void>
  /** Whether this node may still command the device, as far as it knows by itself. */
  readonly hasLease: () => boolean
  /** Another node took the device over: this actor stops. */
  readonly yieldDevice: Effect.Effect<void>
  /** Told how many commands wait for a person to decide. */
  readonly onUnresolved: (count: number) => void
  readonly warn: (kind: string, text: string) => Effect.Effect<void>
  /** How often an emergency command was sent. */
  emergencies: number
  /** Commands that interlocks gave: with the fence it makes their ids. */
  trips: number
  /** Outcomes stored since old ones were forgotten. */
  settled: number
}

/** Tells of a job on its way. */
export const tellOf = (
  desk: Desk,
  flight: Flight,
  state: Command.State,
  more: Partial<Pick<CommandStatus, "detail" | "result" | "progress" | "settledBy">> = {}
): void => {
  flight.state = state
  desk.listeners.tell({ ...statusOf(desk, flight), ...more })
}

/** Where a job on its way stands. */
export const statusOf = (desk: Desk, { job, progress, state }: Flight): CommandStatus => ({
  device: job.of.device,
  commandId: job.commandId,
  name: job.name,
  state,
  at: desk.state.arrival().wall,
  ...(progress === undefined ? {} : { progress }),
  ...(job.session === undefined ? {} : { session: job.session })
})

/** How long the asker of a job waits still, in milliseconds. */
export const leftOf = (desk: Desk, job: Job): number => job.until - desk.state.arrival().now

/** What is stored of a job before it is sent. */
export const intentOf = (desk: Desk, job: Job): Intent => ({
  commandId: job.commandId as Intent["commandId"],
  name: job.name,
  args: job.args,
  effect: job.effect,
  ...(job.session === undefined ? {} : { session: job.session }),
  ...(desk.state.reach.epoch === undefined ? {} : { epoch: desk.state.reach.epoch }),
  intentAt: desk.state.arrival().wall
})
