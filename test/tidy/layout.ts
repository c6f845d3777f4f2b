/** House rules on files: their names, their size, and that each module has its test. */
import { firstComment } from "./sentences.ts"
import { type Finding, findingAt, isSource, type SourceFile } from "./source.ts"

/** The longest line of code, in characters. */
export const columnsMax = 100
/** The longest file that need not explain itself, in lines. */
export const linesMax = 300
/** The longest file of all, in lines. */
export const linesMaxExplained = 500

/** Lines and files that are too long; a longer file says "one file" and why as it begins. */
export const tooLong = (file: SourceFile): ReadonlyArray<Finding> => {
  const lines = file.text.trimEnd().split("\n")
  const wide = lines.flatMap((line, index) =>
    line.length > columnsMax
      ? [findingAt(file, index + 1, `${line.length} columns; at most ${columnsMax}: break it`)]
      : []
  )
  const explained = /one file/i.test(firstComment(file.text)) || file.path.startsWith("test/")
  const limit = explained ? linesMaxExplained : linesMax
  if (lines.length <= limit) return wide
  const remedy = explained
    ? "split it by concept"
    : `split it by concept, or say in the first comment why this is "one file" (up to `
      + `${linesMaxExplained})`
  return [...wide, findingAt(file, lines.length, `${lines.length} of ${limit} lines: ${remedy}`)]
}

const empty = new Set(["manager", "helper", "util", "common", "base", "impl", "misc"])

/** A file whose name says nothing of its concept, or that is not written as the others are. */
export const badName = (file: SourceFile): ReadonlyArray<Finding> => {
  const name = (file.path.split("/").at(-1) ?? "").replace(/(\.test)?\.ts$/, "")
  const words = name.split(/(?=[A-Z])|[-_.]/).map((word) => word.toLowerCase().replace(/s$/, ""))
  const found = words.filter((word) => empty.has(word))
  const named = found.length === 0
    ? []
    : [findingAt(file, 1, `a file named ${name}: name it by its concept`)]
  if (!file.path.includes("/src/internal/") || /^[a-z][A-Za-z0-9]*$/.test(name)) return named
  return [...named, findingAt(file, 1, `${name}: a private mechanism is named in camelCase`)]
}

/** Where the test of a public module has to be. */
const testPathOf = (path: string): string | undefined => {
  const found = /^(?:packages|examples(?:\/drivers)?)\/([^/]+)\/src\/([^/]+)\.ts$/.exec(path)
  return found === null || found[2] === "index" ? undefined : `test/${found[1]}/${found[2]}.test.ts`
}

/**
 * Public modules without a test of their own, and private ones of which it is not said whose test
 * covers them. `covered` maps a path to the test that does, with a key and a value for each.
 */
export const untested = (
  paths: ReadonlyArray<string>,
  covered: Readonly<Record<string, string>>
): ReadonlyArray<Finding> => {
  const all = new Set(paths)
  const sources = paths.filter(isSource)
  const missing = sources.flatMap((path) => {
    const test = covered[path] ?? testPathOf(path)
    if (test === undefined && path.endsWith("/src/index.ts")) return []
    if (test === undefined) {
      return [`${path}:1: name in test/tidy/coverage.ts the test that covers it`]
    }
    return all.has(test) ? [] : [`${path}:1: has no test; write ${test}`]
  })
  const stale = Object.keys(covered)
    .filter((path) => !all.has(path))
    .map((path) => `test/tidy/coverage.ts:1: ${path} is gone; take it off the list`)
  return [...missing, ...stale]
}
