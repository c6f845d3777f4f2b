/** What several subcommands of `plantd device` take of the command line. */
import { Args, HelpDoc } from "@effect/cli"
import { Effect, Random } from "effect"
import * as CliOption from "./CliOption.ts"
import * as CurrentUser from "./CurrentUser.ts"

/** The options that need a value. */
export const valued = [
  ["--control", "--node", "--timeout", "--command-id", "--session", "--limit", "--by"],
  ["--note", "--reason", "--for"]
].flat()

/** A text that is no mistyped option. */
export const textArg = (name: string, description: string) =>
  Args.text({ name }).pipe(
    Args.withDescription(description),
    Args.mapEffect((text) =>
      text.startsWith("--")
        ? Effect.fail(HelpDoc.p(`unknown option ${text}`))
        : Effect.succeed(text)
    )
  )

/** The device that is meant. */
export const device = textArg("DEVICE", "The id of a device, as plantd device list shows it.")

/** Some attributes of it, or all. */
export const attributes = textArg("ATTRIBUTE", "An attribute; all of them where none is named.")
  .pipe(Args.repeated)

/** How long the device may take, in milliseconds. */
export const timeout = CliOption.span(
  "timeout",
  "How long the device may take, for example 10s; else as long as is declared."
)

/** Names a command. */
export const commandId = CliOption.text(
  "command-id",
  "id",
  "Names this command: the same id again is answered by what became of it, and never done twice."
)

/** Who gives a command, where a session operates the device. */
export const session = CliOption.text(
  "session",
  "name",
  "The session that gives it; needed while a session operates the device."
)

/** The person who decides; the user of this system where nothing is said. */
export const by = CliOption.text("by", "name", "Who does it; your user name by default.").pipe(
  CliOption.orElse(() => CurrentUser.name)
)

/** How much longer than the device its operator waits, in milliseconds. */
const waitMarginMillis = 2_000

/** How long an operator waits where the device alone decides, in milliseconds. */
const waitMillisMax = 3_600_000

/** How long an operator waits for a device that may take so long. */
export const waitFor = (timeoutMillis: number | undefined) => ({
  timeout: timeoutMillis === undefined ? waitMillisMax : timeoutMillis + waitMarginMillis
})

/** The fields of a record that are there. */
export const given = <A extends { readonly [name: string]: unknown }>(
  fields: A
): { readonly [K in keyof A]?: Exclude<A[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

/** An id for a command that was given none: known before anything is sent. */
export const newCommandId: Effect.Effect<string> = Effect.map(
  Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)]),
  (parts) => `cli-${parts.map((part) => part.toString(16).padStart(8, "0")).join("")}`
)
