/** A cluster on PostgreSQL of which one node can be cut off from everybody at once. */
import { Effect } from "effect"
import { type Node, three } from "./clusterHarness.ts"
import { gate, type Gate } from "./gate.ts"

/** Three nodes: all that goes between them, and between each and its database, passes a gate. */
export const threeGated = (storage: string) =>
  Effect.gen(function*() {
    const gates = new Map<string, { readonly node: Gate; readonly database: Gate }>()
    const rig = yield* three(storage, {
      way: (listenPort) =>
        Effect.gen(function*() {
          const url = new URL(storage)
          const node = yield* gate(listenPort)
          const database = yield* gate(Number(url.port))
          gates.set(`127.0.0.1:${node.port}`, { node, database })
          url.port = `${database.port}`
          return { port: node.port, storage: url.href }
        })
    })
    return {
      ...rig,
      /** Drops what comes to a node and what it sends, to its database too. */
      cut: ({ address }: Node) =>
        Effect.sync(() => {
          for (const [of, { database, node }] of gates) {
            if (of === address) {
              node.cut()
              database.cut()
            } else node.cut(address)
          }
        }),
      heal: Effect.sync(() => {
        for (const { database, node } of gates.values()) {
          node.heal()
          database.heal()
        }
      })
    }
  })
