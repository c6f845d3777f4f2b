/** The repository's own text as data, and what a house rule says of it. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"

/** One text file; `path` is relative to the repository, with `/` between its parts. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** A broken rule as one line, `path:line: what is wrong, and what to do instead`. */
export type Finding = string

const repository = join(dirname(fileURLToPath(import.meta.url)), "..", "..")
const folders = ["packages", "examples", "test", "benchmarks", "scripts", "docs", ".ci"]
const generated = new Set(["node_modules", "dist", "coverage"])

const pathsUnder = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? pathsUnder(path) : [path]
  })

const allPaths = (): ReadonlyArray<string> => {
  const root = readdirSync(repository, { withFileTypes: true })
  return [
    ...root.filter((entry) => entry.isFile()).map((entry) => join(repository, entry.name)),
    ...root
      .filter((entry) => entry.isDirectory() && folders.includes(entry.name))
      .flatMap((entry) => pathsUnder(join(repository, entry.name)))
  ]
}

/** Every text file of the repository, without what is generated or installed. */
export const readRepository = (): ReadonlyArray<SourceFile> =>
  allPaths()
    .filter((path) => /\.(ts|mjs|json|md)$|\/(run|LICENSE)$/.test(path))
    .map((path) => ({
      path: relative(repository, path).split(sep).join("/"),
      text: readFileSync(path, "utf8")
    }))

/** A finding at a line, counted from 1. */
export const findingAt = (file: SourceFile, line: number, what: string): Finding =>
  `${file.path}:${line}: ${what}`

/** The syntax tree of a TypeScript file, with parents. */
export const parse = (file: SourceFile): ts.SourceFile =>
  ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true)

/** The line of a node, counted from 1. */
export const lineOf = (tree: ts.SourceFile, node: ts.Node): number =>
  tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1

/** True for the sources of packages and examples: what is published or shown. */
export const isSource = (path: string): boolean =>
  /^(packages|examples(\/drivers)?)\/[^/]+\/src\/.*\.ts$/.test(path)

/** True for every TypeScript file. */
export const isTypeScript = (path: string): boolean => path.endsWith(".ts")
