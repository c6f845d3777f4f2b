/** Which seeds are run, as people write them: `17`, `1..200`. */

/** The most seeds of one run of a scenario. */
export const countMax = 1_000_000

/** The greatest seed. */
export const seedMax = 2 ** 31 - 1

/** What `parse` expects, for error messages and help. */
export const expected = `a seed or a range of up to ${countMax} of them, for example 17 or 1..200`

/** The seeds from 1 to `count`, a whole number of up to `countMax`; throws where it is another. */
export const upTo = (count: number): ReadonlyArray<number> => {
  if (!Number.isInteger(count) || count < 0 || count > countMax) {
    throw new RangeError(`expected up to ${countMax} seeds, got ${count}`)
  }
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** The seeds that a text stands for; nothing where it stands for none. */
export const parse = (text: string): ReadonlyArray<number> | undefined => {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text.trim())
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2] ?? first)
  if (last < first || last > seedMax || last - first >= countMax) return undefined
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}
