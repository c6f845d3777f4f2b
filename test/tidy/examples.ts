/** Examples in the documentation that are tests, too: text and test must not part. */
import { posix } from "node:path"
import type { SourceFile } from "./source.ts"

/** A link to a test at the end of a line, and the code that follows it. */
const example = /\]\(([^)]+\.test\.ts)\)\):\n\n```ts\n(.*?)```/gs

/** The examples of a page that are not what is in the tests that they name. */
export const partedExamples = (
  { path, text }: SourceFile,
  files: ReadonlyArray<SourceFile>
): ReadonlyArray<string> =>
  [...text.matchAll(example)].flatMap(([, link = "", code = ""]) => {
    const named = posix.join(posix.dirname(path), link)
    const test = files.find((file) => file.path === named)
    if (test === undefined) return [`${path}: there is no ${named}`]
    return test.text === code ? [] : [`${path}: the example is not what is in ${named}`]
  })
