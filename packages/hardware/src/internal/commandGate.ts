/**
 * Why a command must not be sent now: asked when it is accepted and again right before its first
 * byte, as much may change while it waits.
 */
import type { Command } from "@plantd/core"
import { stateAttribute } from "../DeviceDefinition.ts"
import * as Interlock from "../Interlock.ts"
import * as OperatorLease from "../OperatorLease.ts"
import type { Job } from "./commandDesk.ts"
import type { DeviceState } from "./deviceActor.ts"

/** Why a command is refused. */
export interface Refusal {
  readonly reason: Command.Rejection
  readonly detail: string
}

/**
 * The reason, or `undefined` where it may be sent. An emergency command is neither held up by who
 * operates the device, nor by its being out of service.
 */
export const refusalOf = (state: DeviceState, job: Job): Refusal | undefined =>
  (job.lane === "emergency" ? undefined : outOfService(state) ?? notOwner(state, job))
    ?? wrongEpoch(state, job)
    ?? wrongState(state, job)
    ?? blocked(state, job)

const outOfService = ({ life }: DeviceState): Refusal | undefined => {
  const { by, reason, state } = life.now
  if (state === "active") return undefined
  const why = by === undefined ? "" : `, taken out of service by ${by}: ${reason ?? "no reason"}`
  return { reason: "state", detail: `the device is ${state}${why}` }
}

const notOwner = ({ arrival, lease }: DeviceState, job: Job): Refusal | undefined => {
  const { wall } = arrival()
  if (OperatorLease.admits(lease.held, job.session, wall)) return undefined
  const held = OperatorLease.holder(lease.held, wall)
  const left = Math.ceil(((held?.expiresAt ?? wall) - wall) / 1_000)
  return {
    reason: "not-owner",
    detail: `session ${held?.session} operates the device for another ${left} s`
      + " unless it renews its lease"
  }
}

const wrongEpoch = ({ reach }: DeviceState, { expectedEpoch }: Job): Refusal | undefined =>
  expectedEpoch === undefined || reach.epoch === expectedEpoch ? undefined : {
    reason: "state",
    detail: `it was meant for epoch ${expectedEpoch} of the device process,`
      + ` and this is ${reach.epoch ?? "none yet"}`
  }

// What the node knows may be old: the device process looks again right before it acts.
const wrongState = ({ table }: DeviceState, { allowedIn }: Job): Refusal | undefined => {
  const current = table.get(stateAttribute)
  if (allowedIn === undefined || current?.quality !== "good") return undefined
  return allowedIn.includes(current.value as string) ? undefined : {
    reason: "state",
    detail: `it is allowed in ${allowedIn.join(", ")}, and the device is ${String(current.value)}`
  }
}

const blocked = ({ definition, table }: DeviceState, { name }: Job): Refusal | undefined => {
  for (const { blocks, id, when } of definition.interlocks) {
    if (!blocks.includes(name)) continue
    const reading = table.get(when.attribute)
    const verdict = Interlock.judge(when, reading)
    if (verdict === "clear") continue
    const detail = verdict === "tripped"
      ? `interlock ${id}: ${Interlock.describe(when)}`
      : `interlock ${id} cannot be judged: ${when.attribute} is ${reading?.quality ?? "unknown"}`
    return { reason: "interlock", detail }
  }
  return undefined
}
