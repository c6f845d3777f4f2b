/** The house rules as tests: each rule is shown able to fail, then holds for the repository. */
import { describe, expect, it } from "vitest"
import { type Adapter, bannedCalls, replacements } from "./tidy/calls.ts"
import { coveredBy } from "./tidy/coverage.ts"
import { partedExamples } from "./tidy/examples.ts"
import { badName, tooLong, untested } from "./tidy/layout.ts"
import { incompleteLockfile, loosePins, registryAddresses } from "./tidy/manifests.ts"
import { missingSentences } from "./tidy/sentences.ts"
import { isSource, isTypeScript, readRepository, type SourceFile } from "./tidy/source.ts"
import { unwantedText } from "./tidy/text.ts"

/** Where services are made of what is banned elsewhere, and why there. */
const adapters: ReadonlyArray<Adapter> = [
  {
    path: /^packages\/hardware\/src\/ZmqTransport\.ts$/,
    may: ["setTimeout", "setImmediate", "new Promise"],
    reason: "wraps zeromq, whose sockets speak in promises and event-loop turns"
  },
  {
    path: /^packages\/node\/src\//,
    may: ["console"],
    reason: "the command speaks to a terminal"
  },
  {
    path: /^packages\/actors\/src\/EventLoop\.ts$/,
    may: ["setImmediate"],
    reason: "is the service by which actors let the event loop come round"
  },
  {
    path: /^examples\/(first-steps|actors|cluster)\/src\//,
    may: ["Effect.run*"],
    reason: "each file is a program, and a program is run"
  },
  {
    path: /^packages\/simulation\/src\/internal\/(machine|sim|site)\.ts$/,
    may: ["Effect.run*"],
    reason: "is the scheduler under the simulated fibers: nobody else could run them"
  },
  {
    path: /^packages\/simulation\/src\/SimTest\.ts$/,
    may: ["Effect.run*"],
    reason: "hands vitest a test, which is an entry point"
  }
]

const file = (text: string, path = "packages/core/src/Example.ts"): SourceFile => ({ path, text })

const documented = (code: string) => file(`/** A module of one thing. */\n${code}\n`)

describe("a house rule can fail:", () => {
  it.each<[keyof typeof replacements, string]>([
    ["Date.now", "const now = Date.now()"],
    ["Date.now", "const now = clock ?? Date.now"],
    ["new Date()", "const now = new Date()"],
    ["performance.now", "const now = performance.now()"],
    ["process.hrtime", "const now = process.hrtime.bigint()"],
    ["Math.random", "const luck = Math.random()"],
    ["crypto.randomUUID", "const id = crypto.randomUUID()"],
    ["setTimeout", "setTimeout(run, 10)"],
    ["setTimeout", "globalThis.setTimeout(run, 10)"],
    ["setInterval", "setInterval(run, 10)"],
    ["setImmediate", "setImmediate(run)"],
    ["new Promise", "const never = new Promise(() => {})"],
    ["console", "console.log(1)"],
    ["Effect.run*", "Effect.runFork(program)"],
    ["Effect.run*", "const run = Effect.runPromiseExit"]
  ])("%s is banned, as in: %s", (name, code) => {
    expect(bannedCalls(file(`\n${code}`), [])).toEqual([
      `packages/core/src/Example.ts:2: ${name}: ${replacements[name]}`
    ])
    const adapter = { path: /Example/, may: [name], reason: "to see that it may" }
    expect(bannedCalls(file(code), [adapter])).toEqual([])
  })

  it("what only sounds like a banned call is not one", () => {
    const code = [
      "// Date.now() in a comment",
      'const text = "setTimeout(run, 10)"',
      "const then = new Date(0)",
      "clock.setTimeout(run)",
      "const options = { console: true }"
    ]
    expect(bannedCalls(file(code.join("\n")), [])).toEqual([])
  })

  it.each([
    "export const x = 1",
    "/** */\nexport const x = 1",
    "/** x */\nexport const x = 1",
    "export interface X {}",
    "export type X = 1",
    "export class X {}",
    "export function x() {}",
    "/** Not attached. */\nconst y = 1\nexport const x = y"
  ])("an export without a sentence is found: %j", (code) => {
    expect(missingSentences(documented(code))).toHaveLength(1)
  })

  it("a module without its first sentence is found, and one with all of them is not", () => {
    expect(missingSentences(file("/** An x of 1. */\nconst x = 1"))).toEqual([])
    expect(missingSentences(file("const x = 1"))).toEqual([
      "packages/core/src/Example.ts:1: begin the module with a /** sentence */ on what it owns"
    ])
    expect(missingSentences(documented("/** Always one. */\nexport const x = 1"))).toEqual([])
    expect(missingSentences(documented('export * as X from "./X.ts"'))).toEqual([])
  })

  it("a long line and a long file are found", () => {
    expect(tooLong(file("x".repeat(101)))).toHaveLength(1)
    expect(tooLong(file("x".repeat(100)))).toEqual([])
    expect(tooLong(file("x\n".repeat(300)))).toEqual([])
    expect(tooLong(file("x\n".repeat(301)))).toEqual([
      expect.stringContaining("Example.ts:301: 301 of 300 lines: split it by concept, or say")
    ])
    const explained = "/** An engine; one file, since its states change together. */\n"
    expect(tooLong(file(explained + "x\n".repeat(499)))).toEqual([])
    expect(tooLong(file(explained + "x\n".repeat(500)))).toEqual([
      "packages/core/src/Example.ts:501: 501 of 500 lines: split it by concept"
    ])
  })

  it.each(["LinkManager", "Helpers", "utils", "commonTypes", "ActorBase", "StoreImpl"])(
    "a file named %s is found",
    (name) => {
      expect(badName(file("", `packages/core/src/${name}.ts`))).toHaveLength(1)
    }
  )

  it("a name is judged by its words, and a private one by its first letter", () => {
    expect(badName(file("", "packages/core/src/Database.ts"))).toEqual([])
    expect(badName(file("", "packages/core/src/internal/runLoop.ts"))).toEqual([])
    expect(badName(file("", "packages/core/src/internal/RunLoop.ts"))).toHaveLength(1)
  })

  it("a module without a test is found, and a list that names what is gone", () => {
    const source = "packages/core/src/Link.ts"
    const inner = "packages/core/src/internal/wire.ts"
    const test = "test/core/Link.test.ts"
    expect(untested([source], {})).toEqual([`${source}:1: has no test; write ${test}`])
    expect(untested([source, test], {})).toEqual([])
    expect(untested([inner], {})).toEqual([
      `${inner}:1: name in test/tidy/coverage.ts the test that covers it`
    ])
    expect(untested([inner, test], { [inner]: test })).toEqual([])
    expect(untested([inner], { [inner]: test })).toHaveLength(1)
    expect(untested([test], { [inner]: test })).toHaveLength(1)
    expect(untested(["packages/core/src/index.ts"], {})).toEqual([])
  })

  it.each([
    ["// TO", "DO: later"],
    ["// FIX", "ME"],
    ["const XX", "X = 1"],
    ["see /ho", "me/anna/plantd"],
    ['"/tm', 'p/socket"'],
    ["as in iss", "ue #12"]
  ])("unwanted text is found: %s%s", (start, end) => {
    expect(unwantedText(file(`fine\n${start}${end}`))).toEqual([
      expect.stringMatching(/^packages\/core\/src\/Example\.ts:2: /)
    ])
  })

  it("a dependency that is not pinned is found, and two versions of one", () => {
    const manifest = (version: string, path = "package.json") =>
      file(JSON.stringify({ dependencies: { effect: version } }), path)
    expect(loosePins([manifest("3.22.4")])).toEqual([])
    expect(loosePins([manifest("^3.22.4")])).toEqual([
      "package.json:1: effect ^3.22.4: pin one exact version"
    ])
    expect(loosePins([manifest("3.22.4"), manifest("3.22.5", "test/package.json")])).toEqual([
      "test/package.json:1: effect 3.22.5: another workspace has 3.22.4; use one version"
    ])
  })

  it("a registry address in the lockfile is found, and a missing optional package", () => {
    const address = ['"resolved": "htt', 'ps://registry.example/x.tgz"'].join("")
    expect(registryAddresses(file(address, "package-lock.json"))).toHaveLength(1)
    expect(registryAddresses(file('"resolved": "packages/core"'))).toEqual([])
    const lock = (packages: Record<string, unknown>) => file(JSON.stringify({ packages }))
    const tool = { optionalDependencies: { "tool-linux": "1.0.0" } }
    expect(incompleteLockfile(lock({ "node_modules/tool": tool }))).toHaveLength(1)
    expect(
      incompleteLockfile(lock({ "node_modules/tool": tool, "node_modules/tool-linux": {} }))
    ).toEqual([])
  })

  it("an example is not the test that it names", () => {
    const page = file("See\n([A.test.ts](../test/A.test.ts)):\n\n```ts\na()\n```\n", "docs/a.md")
    const told = (text: string) => partedExamples(page, [file(text, "test/A.test.ts")])
    expect(told("a()\n")).toEqual([])
    expect(told("b()\n")).toEqual(["docs/a.md: the example is not what is in test/A.test.ts"])
    expect(partedExamples(page, [])).toEqual(["docs/a.md: there is no test/A.test.ts"])
  })
})

describe("in this repository", () => {
  const files = readRepository()
  const check = (
    pick: (path: string) => boolean,
    rule: (file: SourceFile) => ReadonlyArray<string>
  ) => files.filter(({ path }) => pick(path)).flatMap(rule)
  const lockfile = (path: string) => path === "package-lock.json"

  it("there is something to check", () => {
    expect(files.filter(({ path }) => isSource(path)).length).toBeGreaterThan(10)
    expect(files.map(({ path }) => path)).toContain("package-lock.json")
  })

  it("time, randomness, promises and runs come from services", () => {
    expect(check(isSource, (source) => bannedCalls(source, adapters))).toEqual([])
  })

  it("every module and every export says what it promises", () => {
    expect(check(isSource, missingSentences)).toEqual([])
  })

  it("lines and files are short", () => {
    expect(check(isTypeScript, tooLong)).toEqual([])
  })

  it("files are named by their concept", () => {
    expect(check(isTypeScript, badName)).toEqual([])
  })

  it("every module has a test", () => {
    expect(untested(files.map(({ path }) => path), coveredBy)).toEqual([])
  })

  it("nothing is left unfinished, and nothing belongs to one machine", () => {
    expect(check((path) => !lockfile(path), unwantedText)).toEqual([])
  })

  it("an example in the documentation is the test that it names", () => {
    expect(files.flatMap((page) => partedExamples(page, files))).toEqual([])
  })

  it("every dependency is pinned to one exact version", () => {
    const manifests = files.filter(({ path }) => /(^|\/)package\.json$/.test(path))
    expect(loosePins(manifests)).toEqual([])
  })

  it("the lockfile works with any registry and on every platform", () => {
    expect(check(lockfile, registryAddresses)).toEqual([])
    expect(check(lockfile, incompleteLockfile)).toEqual([])
  })
})
