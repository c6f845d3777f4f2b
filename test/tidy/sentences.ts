/** House rule: every module and every export says in a sentence what it promises. */
import ts from "typescript"
import { type Finding, findingAt, lineOf, parse, type SourceFile } from "./source.ts"

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement)
  && (ts.getModifiers(statement) ?? []).some((one) => one.kind === ts.SyntaxKind.ExportKeyword)

const nameOf = (statement: ts.Statement): string | undefined => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map((one) => one.name.getText()).join(", ")
  }
  const named = ts.isFunctionDeclaration(statement)
    || ts.isClassDeclaration(statement)
    || ts.isInterfaceDeclaration(statement)
    || ts.isTypeAliasDeclaration(statement)
  return named ? (statement.name?.text ?? "default") : undefined
}

/** The comment with which a file begins is the module's, even where an export follows it. */
const sentenceOf = (statement: ts.Statement, module: string): string =>
  ts.getJSDocCommentsAndTags(statement)
    .filter((doc): doc is ts.JSDoc => ts.isJSDoc(doc) && doc.getText() !== module)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "")
    .join(" ")
    .trim()

const isSentence = (text: string): boolean => /\S+\s+\S+/.test(text)

/** The comment with which a file begins, after the line that says how to run it, or "". */
export const firstComment = (text: string): string =>
  /^(?:(?:#!|\/\/).*\n)*(\/\*\*[\s\S]*?\*\/)/.exec(text)?.[1] ?? ""

/** Every export of a file without a sentence, and the file itself where it does not begin so. */
export const missingSentences = (file: SourceFile): ReadonlyArray<Finding> => {
  const tree = parse(file)
  const module = firstComment(file.text)
  const exports = tree.statements.flatMap((statement) => {
    const name = isExported(statement) ? nameOf(statement) : undefined
    if (name === undefined || isSentence(sentenceOf(statement, module))) return []
    const what = `export ${name}: say in a /** sentence */ what it promises, units, errors`
    return [findingAt(file, lineOf(tree, statement), what)]
  })
  if (isSentence(module.replace(/[/*]/g, ""))) return exports
  return [findingAt(file, 1, "begin the module with a /** sentence */ on what it owns"), ...exports]
}
