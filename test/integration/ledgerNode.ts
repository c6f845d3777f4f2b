/**
 * A node of a cluster that runs ledgers, on a database file: `node ledgerNode.ts FILE PORT`. It
 * says when it is up.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cluster } from "@plantd/cluster"
import { Effect, Layer, Logger } from "effect"
import { LedgerLive } from "./ledger.ts"
import { ledgerSystem } from "./ledgerSystem.ts"

const [, , filename = "", port = ""] = process.argv

const tell = Layer.scopedDiscard(
  Effect.map(
    Cluster,
    ({ self }) => void process.stdout.write(`${JSON.stringify({ up: self.address })}\n`)
  )
)

const node = Layer.merge(LedgerLive, tell).pipe(
  Layer.provide(ledgerSystem({ filename, port: Number(port) })),
  Layer.provide(
    Logger.replace(Logger.defaultLogger, Logger.jsonLogger.pipe(Logger.withConsoleError))
  )
)

NodeRuntime.runMain(Layer.launch(node), { disablePrettyLogger: true })
