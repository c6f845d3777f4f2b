/** The way of a write or a command: past all reasons to refuse it, into its turn, to its answer. */
import { Cause, Effect, Exit } from "effect"
import { refusal } from "../Attribute.ts"
import { stateAttribute } from "../DeviceDefinition.ts"
import type * as Protocol from "../DeviceProtocol.ts"
import { Found, type Trouble, troubleOf } from "./driverHandlers.ts"
import {
  answer,
  type Asker,
  driverMetrics,
  type DriverState,
  expired,
  logDefect,
  nowOf,
  refuse,
  staleFence
} from "./driverState.ts"

/** A request to act. */
export type CommandRequest = Extract<Protocol.Request, { kind: "WRITE" | "INVOKE" }>

/** Refuses a command, or has it carried out in its turn; `expiresAt` is by the driver's clock. */
export const command = (
  driver: DriverState,
  asker: Asker,
  request: CommandRequest,
  expiresAt: number
): Effect.Effect<void> => {
  if (!driver.sessions.admits(request.body.fence)) {
    return refuse(driver, asker, staleFence(driver, request.body.fence))
  }
  if (expiresAt < nowOf(driver)) return refuse(driver, asker, expired)
  const trouble = request.kind === "WRITE"
    ? writeTrouble(driver, request.body)
    : invokeTrouble(driver, request.body)
  if (trouble !== undefined) return refuse(driver, asker, trouble)
  const work = request.kind === "WRITE"
    ? carryOutWrite(driver, request.body)
    : carryOutInvoke(driver, request.body)
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
  const job = execute(driver, asker, { work, expiresAt })
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
  body: Protocol.Write
): Effect.Effect<object, unknown> =>
  Effect.as(driver.handlers.write?.[body.attribute]?.(body.value) ?? Effect.void, {})

// The states of the device are looked at right before the command, and not when it came.
const carryOutInvoke = (
  driver: DriverState,
  body: Protocol.Invoke
): Effect.Effect<object, unknown> => {
  const codec = driver.codecs.get(body.command)
  const handler = driver.handlers.commands?.[body.command]
  if (codec === undefined || handler === undefined) return Effect.succeed({})
  const run = Effect.flatMap(
    codec.decode(body.payload ?? undefined),
    (payload) => handler(payload, { commandId: body.commandId })
  )
  return Effect.zipRight(
    checkState(driver, body.command),
    Effect.map(Effect.flatMap(run, codec.encode), (result) => ({ result: result ?? null }))
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

const execute = (
  driver: DriverState,
  asker: Asker,
  job: { readonly work: Effect.Effect<object, unknown>; readonly expiresAt: number }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (job.expiresAt < nowOf(driver)) return refuse(driver, asker, expired)
    return Effect.flatMap(Effect.exit(job.work), (exit) => settle(driver, asker, exit))
  })

const settle = (
  driver: DriverState,
  asker: Asker,
  exit: Exit.Exit<object, unknown>
): Effect.Effect<void> => {
  if (Exit.isSuccess(exit)) {
    count(driver)
    return answer(driver, asker, "REPLY", exit.value)
  }
  if (Cause.isInterruptedOnly(exit.cause)) return Effect.void
  const trouble = troubleOf(exit.cause)
  if (trouble.code === "failed") count(driver)
  return Effect.zipRight(
    logDefect(driver, "of a command", exit.cause),
    refuse(driver, asker, trouble)
  )
}

const count = (driver: DriverState): void => {
  driver.counters.commandsExecuted++
  driverMetrics.commands.unsafeUpdate(1, [])
}
