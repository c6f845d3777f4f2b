/** What brings a run back: its seed, and where that did not draw it its plan, as text. */
import { Either, ParseResult, Schema } from "effect"
import * as Faults from "./Faults.ts"

const Text = Schema.parseJson(Schema.Array(Faults.Fault))
const decode = Schema.decodeUnknownEither(Text)
const encode = Schema.encodeSync(Text)

/** A plan as one line of JSON. */
export const textOfPlan = (plan: Faults.Plan): string => encode(plan)

/** The plan that a text stands for, or what is wrong with it. */
export const planOf = (text: string): Either.Either<Faults.Plan, string> =>
  Either.mapLeft(decode(text), (error) => {
    const [first] = ParseResult.ArrayFormatter.formatErrorSync(error)
    const [index, ...fields] = first?.path ?? []
    const place = index === undefined ? "" : `fault ${[Number(index) + 1, ...fields].join(", ")}: `
    return `expected a plan of faults in JSON: ${place}${first?.message ?? "it is none"}`
  })

/** A text as one word of a shell by POSIX, whatever stands in it. */
export const quoted = (text: string): string =>
  /^[\w./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`

/** What is run again. */
export interface Run {
  readonly seed: number
  /** The plan in place of what the seed draws. */
  readonly plan?: Faults.Plan | undefined
  /** Runs it twice, and fails where that is not the same. */
  readonly check?: boolean
}

/** Gives the command that runs something again. */
export type CommandOf = (run: Run) => string

/** The command that runs one test of a file again. */
export const vitest = ({ file, test }: {
  readonly file: string
  /** Its name after the names of those around it, one space between. */
  readonly test: string
}): CommandOf =>
({ check, plan, seed }) => {
  // vitest takes the name for a regular expression.
  const pattern = test.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  const plans = plan === undefined ? "" : `PLANTD_PLAN=${quoted(textOfPlan(plan))} `
  const checks = check === true ? "PLANTD_SIM_CHECK=1 " : ""
  return `PLANTD_SEED=${seed} ${plans}${checks}npx vitest run ${quoted(file)} -t ${quoted(pattern)}`
}

/** The command that runs a scenario by its name again. */
export const simulate = (scenario: string): CommandOf => ({ check, plan, seed }) => {
  const plans = plan === undefined ? "" : ` --plan ${quoted(textOfPlan(plan))}`
  return `plantd simulate --scenario ${quoted(scenario)} --seeds ${seed}${plans}${
    check === true ? " --check" : ""
  }`
}
