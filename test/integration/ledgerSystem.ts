/** What a node with ledgers stands on: a cluster and its stores, on one database file. */
import { SqliteClient } from "@effect/sql-sqlite-node"
import { DurableMessages } from "@plantd/actors"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import { ClusterSystem } from "@plantd/cluster"
import { Layer } from "effect"

/** A node by its port; with a weight of 0 it runs no actors. */
export const ledgerSystem = (
  { filename, port, weight = 1 }: {
    readonly filename: string
    readonly port: number
    readonly weight?: number
  }
) =>
  DurableMessages.layer.pipe(
    Layer.provideMerge(ClusterSystem.layer({ port, weight })),
    Layer.provideMerge(Layer.merge(SqlDurableStore.layer, SqlMessageStore.layer)),
    Layer.provide(SqliteClient.layer({ filename }))
  )
