/** The arguments of a device's command, as people write them on a command line. */
import type { NodeControl } from "@plantd/hardware"
import { Either } from "effect"

/**
 * What `name=value`, once for each argument, or one JSON object stands for; or what is wrong with
 * it. What the values mean is decided by what the command declares, and so by the node.
 */
export const parse = (
  given: ReadonlyArray<string>
): Either.Either<NodeControl.GivenFields, string> => {
  const [first] = given
  if (given.length === 1 && first?.trimStart().startsWith("{") === true) return parseJson(first)
  const text = new Map<string, string>()
  for (const argument of given) {
    const end = argument.indexOf("=")
    if (end < 1) return Either.left(`expected name=value, got ${JSON.stringify(argument)}`)
    const name = argument.slice(0, end)
    if (text.has(name)) return Either.left(`the argument ${name} is there twice`)
    text.set(name, argument.slice(end + 1))
  }
  return Either.right({ text: Object.fromEntries(text) })
}

const parseJson = (text: string): Either.Either<NodeControl.GivenFields, string> =>
  Either.try({
    try: () => ({ value: JSON.parse(text) as object }),
    catch: (cause) =>
      `${text} is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
  })
