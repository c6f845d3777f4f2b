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
  figure: { type: "string", multiple: true }
} as const

/** How the command is used; `suites` are the known ones. */
export const usage = (suites: ReadonlyArray<string>): string =>
  `usage: npm run bench -- <suite> [--figure name...] [--json] [--quick]

Measures plantd beside its peers, in one process and in rounds side by side.

suites:   ${suites.join(", ")}
--figure  measures these figures only
--json    writes one object per figure on a line of its own
--quick   takes few and short rounds: shows that a suite runs, its values mean little
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
    if (!(token.name in options)) {
      return Either.left(`unknown flag ${token.rawName}, expected one of ${known()}`)
    }
    if (token.name === "figure" && (token.value ?? "") === "") {
      return Either.left("--figure stands without the name of a figure")
    }
    if (token.name !== "figure" && token.value !== undefined) {
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
  return Either.right({
    _tag: "Run",
    suite,
    figures: [...figures, ...rest],
    json: values.json === true,
    plan: values.quick === true ? quick : standard
  })
}

const known = (): string => Object.keys(options).map((name) => `--${name}`).join(", ")
