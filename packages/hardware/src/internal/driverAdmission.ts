/** A command on its way in: past all reasons to refuse it, or told what became of it before. */
import { Effect } from "effect"
import { refusal } from "../Attribute.ts"
import type { Lane } from "../DeviceCommand.ts"
import type * as Protocol from "../DeviceProtocol.ts"
import { execute } from "./driverCommands.ts"
import { behindFence } from "./driverFence.ts"
import type { Trouble } from "./driverHandlers.ts"
import {
  type CommandRequest,
  type Content,
  contentOf,
  idFrame,
  join,
  type Known,
  type Standing,
  titleOf,
  type Underway as Job
} from "./driverMemory.ts"
import type { Session } from "./driverSessions.ts"
import {
  type Asker,
  driverMetrics,
  type DriverState,
  expired,
  nowOf,
  refuse,
  send
} from "./driverState.ts"

/** A command as it was received; `expiresAt` is by the driver's clock. */
export interface Received {
  readonly session: Session
  readonly request: CommandRequest
  readonly expiresAt: number
}

/** Refuses a command, tells what became of one given before, or has it done in its turn. */
export const command = (
  driver: DriverState,
  asker: Asker,
  received: Received
): Effect.Effect<void> =>
  behindFence(driver, received.request.body.fence, (trouble) =>
    trouble === undefined
      ? admitted(driver, asker, received)
      : refuse(driver, asker, trouble, refusedOf(received)))

const refusedOf = ({ request, session: { node } }: Received) => ({
  node,
  title: titleOf(request),
  commandId: request.body.commandId
})

const admitted = (
  driver: DriverState,
  asker: Asker,
  received: Received
): Effect.Effect<void> => {
  const { request } = received
  const content = contentOf(request)
  const known = driver.memory.recall(request.body.commandId, content)
  if (known !== undefined) return recalled(driver, asker, { ...received, content, known })
  const trouble = troubleWith(driver, received)
  return trouble === undefined
    ? queue(driver, {
      request,
      content,
      askers: [asker],
      standing: standingOf(driver, received),
      begunAfter: undefined
    })
    : refuse(driver, asker, trouble, refusedOf(received))
}

const standingOf = (driver: DriverState, { expiresAt, request, session }: Received): Standing => ({
  fence: request.body.fence,
  session,
  expiresAt,
  silences: driver.silences
})

// A message that asks for a command again.
const recalled = (
  driver: DriverState,
  asker: Asker,
  again: Received & { readonly content: Content; readonly known: Known }
): Effect.Effect<void> => {
  const { content, known } = again
  if (known._tag === "Other") {
    const id = JSON.stringify(again.request.body.commandId)
    const other = known.content.title
    return refuse(driver, asker, {
      code: "duplicate-mismatch",
      message: `the commandId ${id} is of ${other}`
        + `${other === content.title ? " with another value" : ""}; this was not carried out`
    }, refusedOf(again))
  }
  const { body: { commandId } } = again.request
  driver.tell({ _tag: "Repeated", commandId, title: content.title })
  driver.counters.commandsDuplicate++
  driverMetrics.duplicate.unsafeUpdate(1, [])
  if (known._tag === "Ended") return send(driver, asker, known.answer.with(idFrame, asker.id))
  join(known.command, asker)
  renew(driver, known.command, again)
  return Effect.void
}

// What waits is done for the newest message that asks for it, unless that came too late itself.
const renew = (driver: DriverState, command: Job, again: Received): void => {
  const { begunAfter, standing } = command
  const { fence } = again.request.body
  const late = begunAfter !== undefined || again.expiresAt < nowOf(driver)
  command.standing = late ? { ...standing, fence } : {
    ...standingOf(driver, again),
    expiresAt: Math.max(standing.expiresAt, again.expiresAt)
  }
}

// What speaks against a command that is new.
const troubleWith = (
  driver: DriverState,
  { expiresAt, request }: Received
): Trouble | undefined => {
  if (expiresAt < nowOf(driver)) return expired
  const trouble = request.kind === "WRITE"
    ? writeTrouble(driver, request.body)
    : invokeTrouble(driver, request.body)
  if (trouble !== undefined) return trouble
  // The one being carried out does not wait.
  return driver.commands[laneOf(driver, request)] <= driver.settings.commandQueueMax
    ? undefined
    : {
      code: "busy",
      message: `${driver.settings.commandQueueMax} commands are waiting already (commandQueueMax)`
    }
}

const laneOf = (driver: DriverState, request: CommandRequest): Lane =>
  request.kind === "INVOKE"
    ? driver.definition.commands[request.body.command]?.lane ?? "ordinary"
    : "ordinary"

const queue = (driver: DriverState, job: Job): Effect.Effect<void> => {
  const lane = laneOf(driver, job.request)
  driver.commands[lane]++
  driver.memory.begin(job)
  const work = execute(driver, job)
  return driver.fork(
    Effect.ensuring(
      lane === "emergency" ? work : driver.turn.withPermits(1)(work),
      Effect.sync(() => {
        driver.commands[lane]--
      })
    )
  )
}

const writeTrouble = (driver: DriverState, body: Protocol.Write): Trouble | undefined => {
  const attribute = Object.hasOwn(driver.definition.attributes, body.attribute)
    ? driver.definition.attributes[body.attribute]
    : undefined
  const name = JSON.stringify(body.attribute)
  if (attribute === undefined) {
    return { code: "unknown-attribute", message: `the device has no attribute ${name}` }
  }
  if (attribute.access === "read") {
    return { code: "not-writable", message: `attribute ${name} can only be read` }
  }
  const fault = refusal(attribute, body.value)
  return fault === undefined ? undefined : {
    code: "validation",
    message: `${body.attribute}: ${fault}`
  }
}

const invokeTrouble = (driver: DriverState, body: Protocol.Invoke): Trouble | undefined =>
  driver.codecs.has(body.command) ? undefined : {
    code: "unknown-command",
    message: `the device has no command ${JSON.stringify(body.command)}`
  }
