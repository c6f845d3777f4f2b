/** Which requests read some places of a device: as few as touch nothing that was not asked for. */

/** The four tables of Modbus: registers of 16 bits, and single bits. */
export type Table = "holding" | "input" | "coil" | "discrete"

/** Neighbouring places in one table. */
export interface Span {
  readonly table: Table
  /** Counted from 0, as on the wire. */
  readonly address: number
  readonly count: number
}

/** The most registers of one read request (Modbus application protocol V1.1b3, 6.3 and 6.4). */
export const registersMax = 125

/** The most bits of one read request (the same, 6.1 and 6.2). */
export const bitsMax = 2_000

/** The most places of one read request. */
export const readMaxOf = (table: Table): number => holdsBits(table) ? bitsMax : registersMax

/** True for the tables of single bits. */
export const holdsBits = (table: Table): boolean => table === "coil" || table === "discrete"

/** The places by which people know them, for example "holding 0-3". */
export const describe = ({ address, count, table }: Span): string =>
  `${table} ${address}${count === 1 ? "" : `-${address + count - 1}`}`

/**
 * Requests that cover all spans, each span in one request whole: a number of two words never comes
 * from two requests. Spans of a table are joined where they touch or overlap, or leave at most
 * `gapMax` places between them: nobody asked for what lies in a gap, and a device may refuse it.
 */
export const plan = (spans: ReadonlyArray<Span>, gapMax = 0): ReadonlyArray<Span> => {
  const requests: Array<Span> = []
  for (const span of [...spans].sort(byPlace)) {
    const last = requests.at(-1)
    const joined = last === undefined ? undefined : join(last, span, gapMax)
    if (joined === undefined) requests.push({ ...placeOf(span) })
    else requests[requests.length - 1] = joined
  }
  return requests
}

const placeOf = ({ address, count, table }: Span): Span => ({ table, address, count })

const byPlace = (a: Span, b: Span): number =>
  a.table === b.table
    ? a.address - b.address || b.count - a.count
    : a.table < b.table
    ? -1
    : 1

const join = (request: Span, span: Span, gapMax: number): Span | undefined => {
  if (request.table !== span.table) return undefined
  if (span.address > request.address + request.count + gapMax) return undefined
  const end = Math.max(request.address + request.count, span.address + span.count)
  const count = end - request.address
  return count <= readMaxOf(span.table) ? { ...placeOf(request), count } : undefined
}
