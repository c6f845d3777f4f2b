/** House rule: time, randomness, promises and runs come from services, except in adapters. */
import ts from "typescript"
import { type Finding, findingAt, lineOf, parse, type SourceFile } from "./source.ts"

/** What must not be used outside of adapters, and what to use instead. */
export const replacements: Readonly<Record<string, string>> = {
  "Date.now": "use Clock.currentTimeMillis, so that a simulation can tell the time",
  "new Date()": "use Clock.currentTimeMillis or DateTime.now",
  "performance.now": "use Clock.currentTimeNanos",
  "process.hrtime": "use Clock.currentTimeNanos",
  "Math.random": "use Effect's Random, so that a seed can repeat it",
  "crypto.randomUUID": "use Effect's Random, so that a seed can repeat it",
  "setTimeout": "use Effect.sleep",
  "setInterval": "use Effect.schedule or Effect.repeat",
  "setImmediate": "use Effect.yieldNow",
  "new Promise": "use Effect.async",
  "console": "use Effect.log; only packages/node speaks to a terminal",
  "Effect.run*": "return the Effect; only entry points and adapters run it"
}

/** Files that may use some of it, since they are where a service is made of it. */
export interface Adapter {
  readonly path: RegExp
  readonly may: ReadonlyArray<string>
  readonly reason: string
}

const nameOf = (node: ts.Node): string | undefined => {
  if (ts.isNewExpression(node)) return nameOfNew(node)
  if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) return node.expression.text
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return undefined
  const owner = node.expression.text
  if (owner === "console") return "console"
  if (owner === "globalThis") return node.name.text
  if (owner === "Effect" && /^run[A-Z]/.test(node.name.text)) return "Effect.run*"
  return `${owner}.${node.name.text}`
}

const nameOfNew = (node: ts.NewExpression): string | undefined => {
  if (!ts.isIdentifier(node.expression)) return undefined
  if (node.expression.text === "Promise") return "new Promise"
  const now = node.expression.text === "Date" && (node.arguments ?? []).length === 0
  return now ? "new Date()" : undefined
}

/** Every use of a banned call in one file; `adapters` say which files may. */
export const bannedCalls = (
  file: SourceFile,
  adapters: ReadonlyArray<Adapter>
): ReadonlyArray<Finding> => {
  const allowed = new Set(
    adapters.filter((adapter) => adapter.path.test(file.path)).flatMap((adapter) => adapter.may)
  )
  const tree = parse(file)
  const findings: Array<Finding> = []
  const visit = (node: ts.Node): void => {
    const name = nameOf(node)
    if (name !== undefined && Object.hasOwn(replacements, name) && !allowed.has(name)) {
      findings.push(findingAt(file, lineOf(tree, node), `${name}: ${replacements[name]}`))
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return findings
}
