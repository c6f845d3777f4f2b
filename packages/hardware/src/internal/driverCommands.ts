/** The way of a write or a command: past all reasons to refuse it, into its turn, to its answer. */
import { Cause, Effect, Exit } from "effect"
import { refusal } from "../Attribute.ts"
import { stateAttribute } from "../DeviceDefinition.ts"
import type * as Protocol from "../DeviceProtocol.ts"
import type { CommandContext } from "../Driver.ts"
import { Found, type Trouble, troubleOf } from "./driverHandlers.ts"
import { makeSafeAgain } from "./driverSafety.ts"
import type { Session } from "./driverSessions.ts"
import {
  answer,
  type Asker,
  departed,
  driverMetrics,
  type DriverState,
  expired,
  logDefect,
  mayHaveActed,
  nowOf,
  type Overtaken,
  refuse,
  silenced,
  staleFence,
  warn
} from "./driverState.ts"
import { refuse as refuseAsHandler } from "./handlerFailure.ts"

/** A request to act. */
export type CommandRequest = Extract<Protocol.Request, { kind: "WRITE" | "INVOKE" }>

/** A command as it was received; `expiresAt` is by the driver's clock. */
export interface Received {
  readonly session: Session
  readonly request: CommandRequest
  readonly expiresAt: number
}

/** Refuses a command, or has it carried out in its turn. */
export const command = (
  driver: DriverState,
  asker: Asker,
  received: Received
): Effect.Effect<void> => {
  const { expiresAt, request } = received
  if (!driver.sessions.admits(request.body.fence)) {
    return refuse(driver, asker, staleFence(driver, request.body.fence))
  }
  if (expiresAt < nowOf(driver)) return refuse(driver, asker, expired)
  const trouble = request.kind === "WRITE"
    ? writeTrouble(driver, request.body)
    : invokeTrouble(driver, request.body)
  if (trouble !== undefined) return refuse(driver, asker, trouble)
  const emergency = request.kind === "INVOKE"
    && driver.definition.commands[request.body.command]?.lane === "emergency"
  const lane = emergency ? "emergency" : "ordinary"
  // The one being carried out does not wait.
  if (driver.commands[lane] > driver.settings.commandQueueMax) {
    return refuse(driver, asker, {
      code: "busy",
      message: `${driver.settings.commandQueueMax} commands are waiting already (commandQueueMax)`
    })
  }
  driver.commands[lane]++
  const job = execute(driver, asker, { ...received, silences: driver.silences, begun: false })
  return driver.fork(
    Effect.ensuring(
      emergency ? job : driver.turn.withPermits(1)(job),
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

const carryOutWrite = (
  driver: DriverState,
  job: Job,
  body: Protocol.Write
): Effect.Effect<object, unknown> =>
  Effect.as(
    Effect.flatMap(
      begin(driver, job),
      () =>
        driver.handlers.write?.[body.attribute]?.(body.value, contextOf(driver, job))
          ?? Effect.void
    ),
    {}
  )

// The states of the device are looked at right before the command, and not when it came.
const carryOutInvoke = (
  driver: DriverState,
  job: Job,
  body: Protocol.Invoke
): Effect.Effect<object, unknown> => {
  const codec = driver.codecs.get(body.command)
  const handler = driver.handlers.commands?.[body.command]
  if (codec === undefined || handler === undefined) return Effect.succeed({})
  const run = Effect.flatMap(
    codec.decode(body.payload ?? undefined),
    (payload) =>
      Effect.flatMap(
        begin(driver, job),
        () => handler(payload, contextOf(driver, job))
      )
  )
  return Effect.zipRight(
    checkState(driver, body.command),
    Effect.flatMap(run, codec.reply)
  )
}

const checkState = (driver: DriverState, name: string): Effect.Effect<void, unknown> => {
  const allowed = driver.definition.commands[name]?.allowedIn
  if (allowed === undefined) return Effect.void
  return Effect.flatMap(
    driver.handlers.read[stateAttribute] ?? Effect.succeed(null),
    (state) =>
      allowed.includes(state as string) ? Effect.void : Effect.fail(
        new Found(
          "state",
          `${name} is allowed in ${allowed.join(", ")}, and the device is ${String(state)}`
        )
      )
  )
}

/** A command that was taken, and waits for its turn or is being carried out. */
interface Job extends Received {
  /** How often the device had been made safe when the command was received. */
  readonly silences: number
  /** True once its handler runs. */
  begun: boolean
}

const execute = (driver: DriverState, asker: Asker, job: Job): Effect.Effect<void> =>
  Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    if (trouble !== undefined) return refuse(driver, asker, trouble)
    const { request } = job
    const work = request.kind === "WRITE"
      ? carryOutWrite(driver, job, request.body)
      : carryOutInvoke(driver, job, request.body)
    return Effect.flatMap(
      Effect.exit(work),
      (exit) => Effect.zipRight(settle(driver, asker, exit), undo(driver, job))
    )
  })

// What came between receiving a command and beginning it, and forbids it.
const overtaken = (driver: DriverState, job: Job): Overtaken | undefined => {
  const { fence } = job.request.body
  if (!driver.sessions.admits(fence)) return staleFence(driver, fence)
  if (job.silences !== driver.silences) return silenced
  if (job.session.departed) return departed
  return job.expiresAt < nowOf(driver) ? expired : undefined
}

// Right before the handler: payload and state may have taken their time.
const begin = (driver: DriverState, job: Job): Effect.Effect<void, Found> =>
  Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    if (trouble !== undefined) return Effect.fail(new Found(trouble.code, trouble.message))
    job.begun = true
    return Effect.void
  })

const contextOf = (driver: DriverState, job: Job): CommandContext => ({
  commandId: job.request.body.commandId,
  recheck: Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    return trouble === undefined ? Effect.void : refuseAsHandler(trouble.code, trouble.message)
  })
})

// A command that was being carried out while the device was made safe may have moved it since.
const undo = (driver: DriverState, job: Job): Effect.Effect<void> =>
  Effect.suspend(() =>
    job.begun && job.silences !== driver.silences ? makeSafeAgain(driver) : Effect.void
  )

const settle = (
  driver: DriverState,
  asker: Asker,
  exit: Exit.Exit<object, unknown>
): Effect.Effect<void> => {
  if (Exit.isSuccess(exit)) {
    count(driver)
    return Effect.zipRight(
      answer(driver, asker, "REPLY", exit.value),
      "resultFault" in exit.value
        ? warn(driver, "result", `a result is not as defined: ${String(exit.value.resultFault)}`)
        : Effect.void
    )
  }
  if (Cause.isInterruptedOnly(exit.cause)) return Effect.void
  const trouble = troubleOf(exit.cause)
  if (mayHaveActed(trouble.code)) count(driver)
  return Effect.zipRight(
    logDefect(driver, "of a command", exit.cause),
    refuse(driver, asker, trouble)
  )
}

const count = (driver: DriverState): void => {
  driver.counters.commandsExecuted++
  driverMetrics.commands.unsafeUpdate(1, [])
}
