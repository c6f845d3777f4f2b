/**
 * How a node is configured: by a YAML file, by `PLANTD_*` in the environment, by flags. The later
 * of these overrides the earlier ones, each key by itself; what nobody says has a default.
 */
import { FileSystem } from "@effect/platform"
import { ClusterSettings } from "@plantd/cluster"
import { NearestName } from "@plantd/core"
import { Data, Duration, Effect, Either, Option, ParseResult, Schema } from "effect"
import * as Yaml from "yaml"
import * as Span from "./Span.ts"

/** Something is wrong with the configuration; nothing was started. */
export class ConfigInvalid extends Data.TaggedError("ConfigInvalid")<{
  /** Where it stands: a file, a variable, a flag. */
  readonly source: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.source}: ${this.detail}`
  }
}

const expected = (what: string) => ({
  message: ({ actual }: { readonly actual: unknown }) =>
    `expected ${what}, got ${JSON.stringify(actual)}`
})

const span = Schema.String.annotations(expected(Span.expected)).pipe(
  Schema.filter((text) => Span.parse(text)._tag === "Some", expected(Span.expected))
)

const port = Schema.Int.pipe(Schema.between(1, 65_535))
const name = Schema.NonEmptyTrimmedString

/** The longest name of a node: it is the id of the actor that operators speak with. */
const nameMax = 128

/** What can be configured, each key as it is called in the file. */
const fields = {
  name: name.pipe(
    Schema.maxLength(nameMax, { message: () => `expected at most ${nameMax} characters` })
  ),
  host: name,
  port,
  listenHost: name,
  listenPort: port,
  weight: Schema.NonNegativeInt,
  /** A file of SQLite, or `postgres://…`. */
  storage: name,
  shards: Schema.Int.pipe(Schema.between(1, ClusterSettings.shardsMax)),
  lease: span,
  refresh: span,
  handoff: span,
  drain: span,
  /** Modules whose default export is the layer of a node's actors. */
  modules: Schema.Array(name).annotations(
    expected("a list of files, each on a line of its own that begins with -")
  )
}

/** The names of all keys. */
export const keys = Object.keys(fields) as ReadonlyArray<keyof typeof fields>

const Given = Schema.partialWith(Schema.Struct(fields), { exact: true })
/** What one source says. */
export type Given = typeof Given.Type

/** The flag of a key, as `plantd node start` knows it. */
export const flagOf = (key: keyof Given): string =>
  `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`

/** The flags by which `plantd node start` is given a configuration, whatever else is said. */
export const argumentsOf = (config: NodeConfig): ReadonlyArray<string> =>
  keys.flatMap((key) => {
    const value = config[key]
    if (value === undefined) return []
    const values = typeof value === "object" ? value : [value]
    return values.flatMap((one) => [flagOf(key), String(one)])
  })

/** The configuration of a node. */
export interface NodeConfig extends Required<Omit<Given, "listenHost" | "listenPort">> {
  readonly listenHost: string | undefined
  readonly listenPort: number | undefined
}

const { host, port: defaultPort, shards, weight, ...times } = ClusterSettings.defaults

const spanOf = (input: Duration.DurationInput): string => `${Duration.toMillis(input)}ms`

/** One node on loopback, with a file of SQLite in the folder at hand, and no actors. */
export const defaults: NodeConfig = {
  name: "node",
  host,
  port: defaultPort,
  listenHost: undefined,
  listenPort: undefined,
  weight,
  storage: "plantd.db",
  shards,
  lease: spanOf(times.lease),
  refresh: spanOf(times.refresh),
  handoff: spanOf(times.handoff),
  drain: spanOf(times.drain),
  modules: []
}

/** Where a configuration comes from. */
export interface Sources {
  readonly file?: string | undefined
  /** Variables of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: Readonly<Record<string, unknown>>
}

/** The configuration that the sources give together. */
export const load = (
  { environment, file, flags }: Sources
): Effect.Effect<NodeConfig, ConfigInvalid, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const inFile = file === undefined ? {} : yield* fromFile(file)
    const inEnvironment = yield* fromEnvironment(environment)
    const onLine = yield* decode("command line", present(flags))
    const given = { ...inFile, ...inEnvironment, ...onLine }
    // Without modules it could run none of the actors that would live on it.
    const weight = given.modules === undefined || given.modules.length === 0 ? 0 : defaults.weight
    const config = { ...defaults, weight, ...given }
    if (millisOf(config.refresh) * 3 > millisOf(config.lease)) {
      const detail = `${config.refresh} is more than a third of the lease (${config.lease}):`
        + " choose a shorter refresh, or a longer lease"
      return yield* new ConfigInvalid({ source: "refresh", detail })
    }
    return config
  })

const millisOf = (text: string): number =>
  Option.match(Span.parse(text), { onNone: () => NaN, onSome: Duration.toMillis })

const fromFile = (file: string): Effect.Effect<Given, ConfigInvalid, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const text = yield* Effect.mapError(
      files.readFileString(file),
      (error) =>
        new ConfigInvalid({
          source: file,
          detail: error._tag === "SystemError" && error.reason === "NotFound"
            ? "it does not exist"
            : error.message
        })
    )
    const document = Yaml.parseDocument(text)
    const [fault] = document.errors
    if (fault !== undefined) {
      const [line = ""] = fault.message.split("\n")
      return yield* new ConfigInvalid({ source: file, detail: line })
    }
    const value = yield* Effect.try({
      // A short text could stand for a very long one.
      try: (): unknown => document.toJS({ maxAliasCount: 0 }),
      catch: () => new ConfigInvalid({ source: file, detail: "aliases are not taken" })
    })
    return yield* decode(file, value ?? {})
  })

const prefix = "PLANTD_"
/** Variables that say other things than how a node is configured. */
const others = ["PLANTD_CONFIG", "PLANTD_CONTROL"]

const variableOf = (key: string): string =>
  prefix + key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

const numeric: ReadonlyArray<string> = ["port", "listenPort", "weight", "shards"]

const fromEnvironment = (
  environment: Sources["environment"]
): Effect.Effect<Given, ConfigInvalid> =>
  Effect.gen(function*() {
    const byVariable = new Map(keys.map((key) => [variableOf(key), key]))
    let given: Given = {}
    for (const [variable, text] of Object.entries(environment)) {
      if (text === undefined || !variable.startsWith(prefix) || others.includes(variable)) continue
      const key = byVariable.get(variable)
      if (key === undefined) {
        return yield* unknownKey("environment", variable, [...byVariable.keys()])
      }
      const value = numeric.includes(key)
        ? Number(text)
        : key === "modules"
        ? text.split(",")
        : text
      given = { ...given, ...(yield* decode(variable, { [key]: value })) }
    }
    return given
  })

const present = (flags: Sources["flags"]) =>
  Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))

const decodeGiven = Schema.decodeUnknownEither(Given, { onExcessProperty: "preserve" })

const decode = (source: string, value: unknown): Effect.Effect<Given, ConfigInvalid> => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new ConfigInvalid({ source, detail: "expected keys with values, such as port: 7700" })
  }
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(fields, key))
  if (unknown !== undefined) return unknownKey(source, unknown, keys)
  return Either.match(decodeGiven(value), {
    onRight: Effect.succeed,
    onLeft: (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      const where = issue === undefined ? "" : `${issue.path.map(String).join(".")}: `
      return new ConfigInvalid({ source, detail: `${where}${issue?.message ?? error.message}` })
    }
  })
}

const unknownKey = (source: string, key: string, known: ReadonlyArray<string>) => {
  const near = NearestName.of(key, known)
  const meant = near === undefined ? `there is ${known.join(", ")}` : `did you mean ${near}?`
  return new ConfigInvalid({ source, detail: `unknown key ${key}; ${meant}` })
}
