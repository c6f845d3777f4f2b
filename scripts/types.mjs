/**
 * Checks all types: the packages as they are published (`tsc -b`), then side by side the tests and
 * benchmarks with them (`tsc`) and what Effect's language service finds, such as an Effect that is
 * neither run nor returned. All of it is reported before it fails.
 */
import { spawn, spawnSync } from "node:child_process"

const project = "tsconfig.check.json"
const effectRules = ["--strict", "--severity", "error,warning", "--format", "text"]

const run = (command, args) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit" })
    child.on("error", () => resolve(false))
    child.on("exit", (code) => resolve(code === 0))
  })

if (spawnSync("tsc", ["-b"], { stdio: "inherit" }).status !== 0) process.exit(1)
const passed = await Promise.all([
  run("tsc", ["-p", project]),
  run("effect-language-service", ["diagnostics", "--project", project, ...effectRules])
])
process.exit(passed.every(Boolean) ? 0 : 1)
