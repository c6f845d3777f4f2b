/** Help as people read it: lines that fit, where the library writes one as wide as the widest. */

// oxlint-disable-next-line no-control-regex -- colours begin with a control character
const colour = /\u001B\[[0-9;]*m/g

/** A command or an option with what it is for, padded to the width of the longest one. */
const entry = /^(\s*- )(\S.*?)\s{2,}(\S.*)$/

/** Words, with what stands in brackets in them, which is not torn, and with what ends them. */
const words = /(?:\[[^\]]*\]|<[^>]*>|\S)+/g

/** How far a description stands in. */
const descriptionIndent = 6

/** Help whose usage has the whole command: the library writes the last word of its name alone. */
export const whole = (text: string, args: ReadonlyArray<string>): string => {
  const [usage = "", last = ""] = /\$ (\S+)/.exec(text) ?? []
  const words = args.slice(0, args.indexOf(last) + 1)
  return words.length === 0 ? text : text.replace(usage, `$$ plantd ${words.join(" ")}`)
}

/** Help in which no line is longer than so many columns, if its words allow it. */
export const fit = (
  text: string,
  { coloured, columns }: { readonly columns: number; readonly coloured: boolean }
): string =>
  text.split("\n").flatMap((given) => {
    const plain = given.replaceAll(colour, "").trimEnd()
    const found = entry.exec(plain)
    if (found === null && plain.length <= columns) return [coloured ? given.trimEnd() : plain]
    if (found === null) return wrapped(plain, indentOf(plain), columns)
    const [, dash = "", usage = "", description = ""] = found
    return [
      ...wrapped(`${dash}${usage}`, dash.length, columns),
      ...wrapped(" ".repeat(descriptionIndent) + description, descriptionIndent, columns)
    ]
  }).join("\n")

const indentOf = (line: string): number => line.length - line.trimStart().length

/** A line in as many as it takes; those after the first stand in. */
const wrapped = (line: string, hang: number, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let current = " ".repeat(indentOf(line))
  let begun = false
  for (const [word] of line.matchAll(words)) {
    const longer = begun ? `${current} ${word}` : current + word
    if (begun && longer.length > columns) {
      lines.push(current)
      current = " ".repeat(hang) + word
    } else current = longer
    begun = true
  }
  return [...lines, current]
}
