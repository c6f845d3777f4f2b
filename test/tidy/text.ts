/** House rules on text of every kind: nothing unfinished, nothing of one machine. */
import { type Finding, findingAt, type SourceFile } from "./source.ts"

interface Unwanted {
  readonly pattern: RegExp
  readonly remedy: string
}

const unfinished: Unwanted = {
  pattern: /\b(TO[D]O|FIXM[E]|X{3})\b/,
  remedy: "finish it, or write down in docs what is left open"
}

const machinePath: Unwanted = {
  pattern: /(^|[\s"'`(=:])(\/(work|root|home|Users|tmp)\/|[A-Z]:\\\\?Users)/,
  remedy: "a path of one machine; use a relative path or the system's folder for temporary files"
}

const tracker: Unwanted = {
  pattern: /\b(issue|ticket) #?\d+\b/i,
  remedy: "a number that says nothing here; state the reason itself"
}

const matches = (file: SourceFile, unwanted: Unwanted): ReadonlyArray<Finding> =>
  file.text.split("\n").flatMap((line, index) => {
    const found = unwanted.pattern.exec(line)
    if (found === null) return []
    return [findingAt(file, index + 1, `"${found[0].trim()}": ${unwanted.remedy}`)]
  })

/** Marks of unfinished work, paths of one machine, numbers of a tracker. */
export const unwantedText = (file: SourceFile): ReadonlyArray<Finding> =>
  [unfinished, machinePath, tracker].flatMap((unwanted) => matches(file, unwanted))
