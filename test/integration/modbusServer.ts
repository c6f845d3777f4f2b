/** The pump behind pymodbus as a process that obeys: slow on demand, and counting what it did. */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { root, waitUntil } from "./harness.ts"

const script = "examples/drivers/modbus/simulator/pump.py"

/** What the server was asked, and what its registers hold. */
export interface Report {
  readonly writes: ReadonlyArray<{
    readonly function: number
    readonly address: number
    readonly values: ReadonlyArray<number>
  }>
  readonly reads: number
  readonly connections: number
  readonly unansweredMax: number
  /** Delayed replies that were sent, or would have been to a connection that was gone. */
  readonly repliesLate: number
  readonly holding: ReadonlyArray<number>
  readonly coil: ReadonlyArray<number>
}

/** A running server. */
export interface ModbusServer {
  readonly port: number
  readonly report: Effect.Effect<Report>
  /** Delays replies to the next requests of a kind; `act: "late"` delays what they do as well. */
  readonly delay: (delay: {
    readonly of: "writes" | "reads"
    readonly millis: number
    readonly count?: number
    readonly act?: "late"
  }) => Effect.Effect<void>
  readonly set: (
    table: "holding" | "input" | "coil" | "discrete",
    address: number,
    values: ReadonlyArray<number>
  ) => Effect.Effect<void>
  readonly kill: Effect.Effect<void>
}

/** Serves until the scope closes, on any port where none is given. */
export const start = (
  python: string,
  port = 0
): Effect.Effect<ModbusServer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(python, [script, "--port", String(port), "--still", "--obey"], {
          cwd: root,
          stdio: ["pipe", "pipe", "pipe"]
        })
      ),
      (running) => Effect.sync(() => running.kill("SIGKILL"))
    )
    const lines: Array<string> = []
    let [complaints, ended] = ["", false]
    createInterface(child.stdout).on("line", (line) => lines.push(line))
    child.stderr.on("data", (text) => (complaints += String(text)))
    child.stdin.on("error", () => {})
    child.on("close", () => (ended = true))
    let read = 0
    const next = Effect.map(
      waitUntil("an answer of the server", () => {
        if (ended && lines.length === read) throw new Error(`the server ended: ${complaints}`)
        return lines.length > read ? lines[read++] : undefined
      }),
      (line): unknown => JSON.parse(line)
    )
    const obey = (order: object) =>
      Effect.zipRight(
        Effect.sync(() => void child.stdin.write(`${JSON.stringify(order)}\n`)),
        next
      )
    const listening = (yield* next) as { readonly port: number }
    return {
      port: listening.port,
      report: Effect.map(obey({ report: true }), (report) => report as Report),
      delay: (delay) => Effect.asVoid(obey({ delay })),
      set: (table, address, values) => Effect.asVoid(obey({ set: { table, address, values } })),
      kill: Effect.zipRight(
        Effect.sync(() => void child.kill("SIGKILL")),
        Effect.asVoid(waitUntil("the end of the server", () => ended))
      )
    }
  })
