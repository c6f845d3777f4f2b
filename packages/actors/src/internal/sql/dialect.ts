/** Where the databases differ, in what the stores say to them. */

/** How texts of statements are written for one database. */
export interface Dialect {
  readonly name: "sqlite" | "pg"
  /** The rows of the JSON array that is the only parameter, as a column `value`. */
  readonly rows: string
  /** The parameter at a position, which counts from 1. */
  readonly parameter: (position: number) => string
}

/** SQLite 3.38 or newer. */
export const sqlite: Dialect = {
  name: "sqlite",
  rows: "json_each(?)",
  parameter: () => "?"
}

/** PostgreSQL 12 or newer. */
export const postgres: Dialect = {
  name: "pg",
  rows: "json_array_elements($1::json) AS rows(value)",
  parameter: (position) => `$${position}`
}
