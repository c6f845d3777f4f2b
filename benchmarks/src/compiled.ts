/**
 * Module hooks: TypeScript is loaded as it is published, compiled by TypeScript itself. What runs
 * sources for tests gives each function a property of its own, which costs time and memory.
 */
import type { LoadHook } from "node:module"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import ts from "typescript"

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.ESNext,
  target: ts.ScriptTarget.ES2022,
  verbatimModuleSyntax: true
}

/** Compiles files that end in `.ts`, and leaves all others to the next hook. */
export const load: LoadHook = async (url, context, nextLoad) => {
  const { pathname, protocol } = new URL(url)
  if (protocol !== "file:" || !pathname.endsWith(".ts")) return nextLoad(url, context)
  const text = await readFile(fileURLToPath(url), "utf8")
  return {
    format: "module",
    source: ts.transpileModule(text, { compilerOptions }).outputText,
    shortCircuit: true
  }
}
