/** Tables for a terminal: columns as wide as what stands in them, two spaces apart. */

/** A column: its title, and on which side its cells stand. */
export interface Column {
  readonly title: string
  readonly align?: "left" | "right"
}

/** The lines of a table; a column in which nothing stands is left out. */
export const lines = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>
): ReadonlyArray<string> => {
  const shown = columns
    .map((column, index) => ({ ...column, index }))
    .filter(({ index }) => rows.some((row) => (row[index] ?? "") !== ""))
    .map((column) => ({
      ...column,
      width: Math.max(
        widthOf(column.title),
        ...rows.map((row) => widthOf(row[column.index] ?? ""))
      )
    }))
  const line = (cellOf: (column: typeof shown[number]) => string) =>
    shown.map((column) => pad(cellOf(column), column)).join("  ").trimEnd()
  return [
    line(({ title }) => title),
    ...rows.map((row) => line(({ index }) => row[index] ?? ""))
  ]
}

/** Characters as a terminal counts them: those beyond the basic plane are one. */
const widthOf = (text: string): number => Array.from(text).length

const pad = (
  text: string,
  { align, width }: { readonly align?: "left" | "right"; readonly width: number }
): string => {
  const spaces = " ".repeat(width - widthOf(text))
  return align === "right" ? spaces + text : text + spaces
}
