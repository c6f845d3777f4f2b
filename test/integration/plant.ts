/** The processes of the valve's tests: its driver, and nodes that control it. */
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Effect } from "effect"
import { join } from "node:path"
import * as harness from "./harness.ts"

/** A folder that is removed when the scope closes. */
export const folder = Effect.flatMap(
  FileSystem.FileSystem,
  (files) => files.makeTempDirectoryScoped({ prefix: "plantd-valve-" })
).pipe(Effect.provide(NodeContext.layer), Effect.orDie)

/** Where a driver is served. */
export interface Endpoints {
  readonly commands: string
  readonly telemetry: string
}

const linesOf = (text: string): ReadonlyArray<Record<string, unknown>> =>
  text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** Starts the valve's device process, in a folder; a turn takes it `slowMillis`. */
export const startDriver = (directory: string, { frames = false, slowMillis = 0 } = {}) =>
  Effect.gen(function*() {
    const running = yield* harness.startIn(
      { SLOW: `${slowMillis}`, ...(frames ? { FRAMES: "all" } : {}) },
      "test/integration/valveProcess.ts",
      directory
    )
    const endpoints = yield* harness.waitUntil(
      "the driver serves",
      () => linesOf(running.stdout()).find((line) => "commands" in line)
    )
    /** How often it did something, as it says itself. */
    const did = (deed: string) =>
      linesOf(running.stdout()).filter((line) => line["did"] === deed).length
    return {
      running,
      endpoints: endpoints as unknown as Endpoints,
      did,
      /** What it has said so far. */
      said: () => linesOf(running.stdout())
    }
  })

/** Starts a node on a database in a folder, which does some deeds. */
export const startNode = (
  directory: string,
  { commands, telemetry }: Endpoints,
  deeds: ReadonlyArray<string>,
  kill = ""
) =>
  Effect.map(
    harness.startIn(
      { KILL: kill },
      "test/integration/valveNode.ts",
      join(directory, "devices.db"),
      commands,
      telemetry,
      ...deeds
    ),
    (running) => {
      const said = () => linesOf(running.stdout())
      return {
        running,
        said,
        /** Waits until it says what came of a deed. */
        told: (deed: string) =>
          harness.waitUntil(`the node tells of ${deed}`, () => {
            const line = said().find((told) => told["deed"] === deed)
            if (line === undefined && running.stderr() !== "") throw new Error(running.stderr())
            return line
          })
      }
    }
  )
