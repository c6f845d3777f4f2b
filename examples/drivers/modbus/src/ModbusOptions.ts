/** What the driver's process can be told on its command line, checked before anything is opened. */
import { Either } from "effect"
import { parseArgs } from "node:util"

/** The options of one driver. */
export interface ModbusOptions {
  /** The file with the register map. */
  readonly map: string
  /** Where the device is, where that is not what the map says. */
  readonly target: { readonly host: string; readonly port: number } | undefined
  /** Where it listens for commands, and where it publishes its readings: `tcp://host:port`. */
  readonly commands: string
  readonly telemetry: string
  readonly allowRemote: boolean
  /** The directory in which what must not be forgotten outlives the process. */
  readonly state: string | undefined
}

/** What the process does with its command line: serve, check a map, or show its usage. */
export type ModbusCommand =
  | { readonly _tag: "Serve"; readonly options: ModbusOptions }
  | { readonly _tag: "Check"; readonly map: string }
  | { readonly _tag: "Help" }

/** The endpoints where nothing is said. */
export const defaults = {
  commands: "tcp://127.0.0.1:5811",
  telemetry: "tcp://127.0.0.1:5812"
}

/** What the options mean, for people. */
export const usage = `Puts a Modbus/TCP device on a plantd link, as a register map describes it.

  MAP                 the file with the register map (required)
  --target HOST:PORT  where the device is, instead of where the map says
  --commands URL      where nodes reach this driver (${defaults.commands})
  --telemetry URL     where it publishes readings (${defaults.telemetry})
  --allow-remote      lets other machines reach both; nobody who reaches them is turned away
  --state DIRECTORY   where its epoch and the highest fence outlive the process
                      ($XDG_STATE_HOME/plantd-modbus, or ~/.local/state/plantd-modbus)
  --check             checks the map, shows what is read and how, and ends
  --help              shows this`

/** Reads a command line; the left side says which option is wrong and what was expected. */
export const parse = (args: ReadonlyArray<string>): Either.Either<ModbusCommand, string> =>
  Either.flatMap(given(args), ({ positionals, values }): Either.Either<ModbusCommand, string> => {
    if (values.help === true) return Either.right({ _tag: "Help" })
    const [map = "", ...more] = positionals
    if (map === "") return Either.left("expected the file with the register map")
    if (more.length > 0) return Either.left(`one map at a time, got also ${more.join(" ")}`)
    if (values.check === true) return Either.right({ _tag: "Check", map })
    const target = targetOf(values.target)
    if (target === null) {
      return Either.left(`--target: expected host:port, got ${JSON.stringify(values.target)}`)
    }
    const options: ModbusOptions = {
      map,
      target,
      commands: values.commands ?? defaults.commands,
      telemetry: values.telemetry ?? defaults.telemetry,
      allowRemote: values["allow-remote"] === true,
      state: values.state
    }
    const wrong = fault(options)
    return wrong === undefined ? Either.right({ _tag: "Serve", options }) : Either.left(wrong)
  })

const targetOf = (text: string | undefined): ModbusOptions["target"] | null => {
  if (text === undefined) return undefined
  const found = /^(?:\[([^\]\s]+)\]|([^\s:/[\]]+)):(\d+)$/.exec(text)
  const [, address, name, digits] = found ?? []
  const port = Number(digits)
  const host = address ?? name
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : null
}

const endpoint = /^tcp:\/\/(?:\[[^\]\s]+\]|[^\s:/]+):(\d+|\*)$/

const fault = (options: ModbusOptions): string | undefined => {
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

const given = (args: ReadonlyArray<string>) =>
  Either.try({
    try: () =>
      parseArgs({
        args: [...args],
        strict: true,
        allowPositionals: true,
        options: {
          target: { type: "string" },
          commands: { type: "string" },
          telemetry: { type: "string" },
          "allow-remote": { type: "boolean" },
          state: { type: "string" },
          check: { type: "boolean" },
          help: { type: "boolean" }
        }
      }),
    catch: (error) => error instanceof Error ? error.message : String(error)
  })
