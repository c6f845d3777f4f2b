import { expect, it } from "vitest"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createRequire } from "node:module"

const main = createRequire(import.meta.url).resolve("@plantd/benchmarks/main")

const start = (...args: ReadonlyArray<string>) => {
  const child = spawn(
    process.execPath,
    ["--conditions=plantd-source", "--import", "tsx", main, ...args],
    { stdio: ["ignore", "pipe", "pipe"] }
  )
  const said = { out: "", err: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err += text))
  return { child, said, ended: once(child, "close").then(([code]) => code as number | null) }
}

const figures = ["ask", "tell", "spawn", "idle-memory", "durable-write"]

it("a figure that the suite lacks is refused by one line with the known ones", async () => {
  const { ended, said } = start("actors", "--figure", "aks")
  expect(await ended).toBe(2)
  expect(said).toEqual({
    out: "",
    err: `bench: actors has no figure aks, expected one of ${figures.join(", ")}\n`
  })
})

it("with --json standard output is one object per figure, and progress is elsewhere", async () => {
  const { ended, said } = start("actors", "--quick", "--json", "--figure", "spawn", "ask")
  expect(await ended).toBe(0)
  const figures = said.out.trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)
  const positive = expect.toSatisfy((value: number) => value > 0)
  const ratios = { entity: positive, nact: positive }
  expect(figures).toEqual([
    { suite: "actors", name: "ask", value: positive, unit: "asks/s", better: "higher", ratios },
    { suite: "actors", name: "spawn", value: positive, unit: "actors/s", better: "higher", ratios }
  ])
  expect(said.err).toContain("actors/ask: ")
}, 90_000)

it("Ctrl-C ends it at once, with the exit code of an interruption", async () => {
  const { child, ended, said } = start("actors", "--json")
  await once(child.stderr, "data")
  child.kill("SIGINT")
  expect(await ended).toBe(130)
  expect(said.out).toBe("")
})
