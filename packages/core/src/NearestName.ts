/** Names that were mistyped: which of the known ones was most likely meant. */

/**
 * The known name that is nearest to a text by edits (insert, delete, replace, swap of neighbours),
 * whatever the case of its letters; nothing where a third of it or more would have to change.
 * Source of the distance: F. Damerau, "A technique for computer detection and correction of
 * spelling errors", 1964, in its restricted form.
 */
export const of = (text: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined
  let least = Infinity
  for (const name of known) {
    const edits = distance(text.toLowerCase(), name.toLowerCase())
    if (edits < least && edits <= Math.max(1, Math.floor(Math.min(text.length, name.length) / 3))) {
      best = name
      least = edits
    }
  }
  return best
}

const distance = (a: string, b: string): number => {
  // Far longer or shorter than what is known: not worth a table.
  if (Math.abs(a.length - b.length) > Math.min(a.length, b.length)) return Infinity
  let before: Array<number> = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let edits = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        edits = Math.min(edits, before[j - 2]! + 1)
      }
      row.push(edits)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
