/** What the tank process can be told on its command line, checked before anything is opened. */
import { Identifier } from "@plantd/core"
import { Either } from "effect"
import { parseArgs } from "node:util"

/** The options of one tank process. */
export interface TankOptions {
  readonly device: string
  /** Where it listens for commands, and where it publishes its readings: `tcp://host:port`. */
  readonly commands: string
  readonly telemetry: string
  /** Of the sensors' noise. */
  readonly seed: number
  /** The pump is turned off when no node was heard for this long, in s. */
  readonly silence: number
  /** The directory in which the device's epoch and the water outlive the process. */
  readonly state: string | undefined
  /** The process that this one must not outlive; its parent where nothing is said. */
  readonly parent: number | undefined
  /** True where it goes on after its parent has ended. */
  readonly detached: boolean
}

/** What the process does with its command line: run, or show its usage. */
export type TankCommand =
  | { readonly _tag: "Run"; readonly options: TankOptions }
  | { readonly _tag: "Help" }

/** A pump that nobody controls runs on for at most so long, in s. */
const silenceSecondsMax = 60

/** The options where nothing is said. */
export const defaults: TankOptions = {
  device: "tank-1",
  commands: "tcp://127.0.0.1:5801",
  telemetry: "tcp://127.0.0.1:5802",
  seed: 1,
  silence: 3,
  state: undefined,
  parent: undefined,
  detached: false
}

/** What the options mean, for people. */
export const usage = `A simulated rig of two coupled tanks, as a plantd device process.

  --device NAME       the device's name (${defaults.device})
  --commands URL      where it listens for commands (${defaults.commands})
  --telemetry URL     where it publishes readings (${defaults.telemetry})
  --seed NUMBER       of the sensors' noise (${defaults.seed})
  --silence SECONDS   turns its pump off when no node was heard for so long (${defaults.silence})
  --state DIRECTORY   where the water and the number of starts outlive the process, so that a
                      restart finds them again (a directory of the system's for temporary files)
  --parent PID        ends when this is not its parent process (the parent at its start)
  --detached          goes on when its parent process ends
  --help              shows this`

/** Reads a command line; the left side says which option is wrong and what was expected. */
export const parse = (args: ReadonlyArray<string>): Either.Either<TankCommand, string> =>
  Either.flatMap(values(args), (given): Either.Either<TankCommand, string> => {
    if (given.help === true) return Either.right({ _tag: "Help" })
    const seed = given.seed === undefined ? defaults.seed : Number(given.seed || "none")
    const silence = given.silence === undefined ? defaults.silence : Number(given.silence || "none")
    const options: TankOptions = {
      device: given.device ?? defaults.device,
      commands: given.commands ?? defaults.commands,
      telemetry: given.telemetry ?? defaults.telemetry,
      seed,
      silence,
      state: given.state,
      parent: given.parent === undefined ? undefined : Number(given.parent || "none"),
      detached: given.detached === true
    }
    const wrong = wrongNumber(given, options) ?? fault(options)
    return wrong === undefined ? Either.right({ _tag: "Run", options }) : Either.left(wrong)
  })

const wrongNumber = (
  given: { readonly seed?: string; readonly silence?: string; readonly parent?: string },
  { parent, seed, silence }: TankOptions
): string | undefined => {
  if (!Number.isSafeInteger(seed)) {
    return `--seed: expected a whole number, got ${JSON.stringify(given.seed)}`
  }
  if (!(silence > 0 && silence <= silenceSecondsMax)) {
    const got = JSON.stringify(given.silence)
    return `--silence: expected seconds above 0, at most ${silenceSecondsMax}, got ${got}`
  }
  return parent === undefined || Number.isSafeInteger(parent) && parent > 0
    ? undefined
    : `--parent: expected the number of a process, got ${JSON.stringify(given.parent)}`
}

const endpoint = /^tcp:\/\/[^\s:/]+:(\d+|\*)$/

const fault = (options: TankOptions): string | undefined => {
  if (!Identifier.isIdentifier(options.device)) {
    const got = JSON.stringify(options.device)
    return `--device: expected letters, digits and ._:/- , at most 128, got ${got}`
  }
  for (const name of ["commands", "telemetry"] as const) {
    const port = endpoint.exec(options[name])?.[1]
    if (port === undefined || Number(port) > 65_535) {
      return `--${name}: expected tcp://host:port, got ${JSON.stringify(options[name])}`
    }
  }
  if (options.commands === options.telemetry && !options.commands.endsWith("*")) {
    return `--commands and --telemetry: both are ${options.commands}`
  }
  return options.state === "" ? "--state: expected the name of a directory" : undefined
}

const values = (args: ReadonlyArray<string>) =>
  Either.try({
    try: () =>
      parseArgs({
        args: [...args],
        strict: true,
        allowPositionals: false,
        options: {
          device: { type: "string" },
          commands: { type: "string" },
          telemetry: { type: "string" },
          seed: { type: "string" },
          silence: { type: "string" },
          state: { type: "string" },
          parent: { type: "string" },
          detached: { type: "boolean" },
          help: { type: "boolean" }
        }
      }).values,
    catch: (error) => error instanceof Error ? error.message : String(error)
  })
