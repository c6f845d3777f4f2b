/** The way of a command that was taken: carried out in its turn, remembered, and answered. */
import { Cause, Effect, Exit } from "effect"
import { stateAttribute } from "../DeviceDefinition.ts"
import * as Protocol from "../DeviceProtocol.ts"
import type { CommandContext } from "../Driver.ts"
import type { Frames } from "../Transport.ts"
import { Found, type Trouble, troubleOf } from "./driverHandlers.ts"
import { idFrame, type Underway as Job } from "./driverMemory.ts"
import { makeSafeAgain } from "./driverSafety.ts"
import {
  countRefused,
  departed,
  driverMetrics,
  type DriverState,
  expired,
  framesOf,
  logDefect,
  mayHaveActed,
  nowOf,
  type Overtaken,
  problem,
  type Said,
  send,
  silenced,
  staleFence,
  warn
} from "./driverState.ts"
import { refuse as refuseAsHandler } from "./handlerFailure.ts"

/** Carries out a command whose turn it is, unless something came between, and answers. */
export const execute = (driver: DriverState, job: Job): Effect.Effect<void> =>
  Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    if (trouble !== undefined) return conclude(driver, job, { trouble })
    const { request } = job
    const work = request.kind === "WRITE"
      ? carryOutWrite(driver, job, request.body)
      : carryOutInvoke(driver, job, request.body)
    return Effect.flatMap(
      Effect.exit(work),
      (exit) => Effect.zipRight(settle(driver, job, exit), undo(driver, job))
    )
  })

// What came between receiving a command and beginning it, and forbids it.
const overtaken = (driver: DriverState, { standing }: Job): Overtaken | undefined => {
  if (!driver.sessions.admits(standing.fence)) return staleFence(driver, standing.fence)
  if (standing.silences !== driver.silences) return silenced
  if (standing.session.departed) return departed
  return standing.expiresAt < nowOf(driver) ? expired : undefined
}

// Right before the handler: payload and state may have taken their time.
const begin = (driver: DriverState, job: Job): Effect.Effect<void, Found> =>
  Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    if (trouble !== undefined) return Effect.fail(new Found(trouble.code, trouble.message))
    job.begunAfter = driver.silences
    const { content: { title }, request, standing: { fence } } = job
    const { commandId } = request.body
    const given = request.kind === "WRITE" ? request.body.value : request.body.payload
    driver.tell({ _tag: "Begun", commandId, fence, title, given })
    return Effect.void
  })

const contextOf = (driver: DriverState, job: Job): CommandContext => ({
  commandId: job.request.body.commandId,
  fence: job.standing.fence,
  recheck: Effect.suspend(() => {
    const trouble = overtaken(driver, job)
    return trouble === undefined ? Effect.void : refuseAsHandler(trouble.code, trouble.message)
  })
})

// A command that was being carried out while the device was made safe may have moved it since.
const undo = (driver: DriverState, { begunAfter }: Job): Effect.Effect<void> =>
  Effect.suspend(() =>
    begunAfter === undefined || begunAfter === driver.silences
      ? Effect.void
      : makeSafeAgain(driver)
  )

const settle = (
  driver: DriverState,
  job: Job,
  exit: Exit.Exit<object, unknown>
): Effect.Effect<void> => {
  if (Exit.isSuccess(exit)) {
    return Effect.zipRight(
      conclude(driver, job, { reply: exit.value }),
      "resultFault" in exit.value
        ? warn(driver, "result", `a result is not as defined: ${String(exit.value.resultFault)}`)
        : Effect.void
    )
  }
  if (Cause.isInterruptedOnly(exit.cause)) return Effect.void
  return Effect.zipRight(
    logDefect(driver, "of a command", exit.cause),
    conclude(driver, job, { trouble: troubleOf(exit.cause) })
  )
}

/** The longest answer that is remembered, in bytes; of a longer one, that it was carried out. */
const answerBytesMax = 16_384

// Remembers what became of a command, unless it did nothing, and tells all who asked for it.
const conclude = (
  driver: DriverState,
  job: Job,
  became: { readonly reply: object } | { readonly trouble: Trouble }
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const refused = "trouble" in became && !mayHaveActed(became.trouble.code)
    if (refused) countRefused(driver)
    else count(driver)
    const said: Said = "reply" in became
      ? ["REPLY", became.reply]
      : problem(driver, became.trouble)
    const trouble = "trouble" in became ? became.trouble : undefined
    const { content: { title }, request: { body: { commandId } } } = job
    driver.tell({ _tag: "Ended", commandId, title, trouble })
    const frames = framesOf(anyId, said)
    driver.memory.end(job, refused ? undefined : shortened(frames))
    return Effect.forEach(
      job.askers,
      (asker) => send(driver, asker, frames.with(idFrame, asker.id)),
      { discard: true }
    )
  })

const anyId = Protocol.idOf("-")

const shortened = (frames: Frames): Frames => {
  const bytes = frames.at(-1)?.length ?? 0
  return bytes <= answerBytesMax ? frames : framesOf(anyId, ["REPLY", {
    result: null,
    resultFault: `its result of ${bytes} bytes was told once, and was too long to be kept`
  }])
}

const count = (driver: DriverState): void => {
  driver.counters.commandsExecuted++
  driverMetrics.commands.unsafeUpdate(1, [])
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
