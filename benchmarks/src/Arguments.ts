/** What the command line asks for, or why it cannot be done. */
import { Either } from "effect"
import { parseArgs } from "node:util"
import { type Plan, quick, standard } from "./Harness.ts"

/** Measure figures of a suite. */
export interface Run {
  readonly _tag: "Run"
  readonly suite: string
  /** The figures' names; all of the suite where there are none. */
  readonly figures: ReadonlyArray<string>
  readonly json: boolean
  readonly plan: Plan
}

/** What to do. */
export type Request = { readonly _tag: "Help" } | Run

const options = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  quick: { type: "boolean" },
  figure: { type: "string", multiple: true },
  runs: { type: "string" }
} as const

/** How the command is used; `suites` are the known ones. */
export const usage = (suites: ReadonlyArray<string>): string =>
  `usage: npm run bench -- <suite> [--figure name...] [--json] [--quick] [--runs n]

Measures plantd beside its peers, in one process and in rounds side by side.

suites:   ${suites.join(", ")}
--figure  measures these figures only
--json    writes one object per figure on a line of its own
--quick   takes few and short rounds: shows that a suite runs, its values mean little
--runs    loses so many nodes, in figures of single events, instead of 20
--help    writes this`

/** Reads the arguments; on the left is one line that says what is wrong and what would be right. */
export const parse = (
  args: ReadonlyArray<string>,
  suites: ReadonlyArray<string>
): Either.Either<Request, string> => {
  const { positionals, tokens, values } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true
  })
  for (const token of tokens) {
    if (token.kind !== "option") continue
    if (!isKnown(token.name)) {
      return Either.left(`unknown flag ${token.rawName}, expected one of ${known()}`)
    }
    if (token.name === "figure" && (token.value ?? "") === "") {
      return Either.left("--figure stands without the name of a figure")
    }
    if (token.name === "runs" && !/^[1-9][0-9]{0,3}$/.test(token.value ?? "")) {
      return Either.left(`--runs is ${token.value ?? "missing"}, expected 1 to 9999`)
    }
    if (options[token.name].type === "boolean" && token.value !== undefined) {
      return Either.left(`${token.rawName} takes no value, was given ${token.value}`)
    }
  }
  if (values.help === true) return Either.right({ _tag: "Help" })
  const [suite, ...rest] = positionals
  if (suite === undefined) return Either.left(`no suite was given, expected ${suites.join(", ")}`)
  if (!suites.includes(suite)) {
    return Either.left(`unknown suite ${suite}, expected one of ${suites.join(", ")}`)
  }
  const figures = (values.figure ?? []).filter((name) => typeof name === "string")
  if (rest.length > 0 && figures.length === 0) {
    return Either.left(`unexpected argument ${rest.join(" ")}; name figures by --figure`)
  }
  const plan = values.quick === true ? quick : standard
  return Either.right({
    _tag: "Run",
    suite,
    figures: [...figures, ...rest],
    json: values.json === true,
    plan: typeof values.runs === "string" ? { ...plan, events: Number(values.runs) } : plan
  })
}

const isKnown = (name: string): name is keyof typeof options => Object.hasOwn(options, name)

const known = (): string => Object.keys(options).map((name) => `--${name}`).join(", ")
