/** A durable store in memory, with the fences and revisions of the real one. */
import { Fence } from "@plantd/core"
import { Effect } from "effect"
import { CorruptRow, RevisionConflict, Superseded } from "../../DurableError.ts"
import type {
  ClaimRequest,
  DurableStoreService,
  Entity,
  Kind,
  SnapshotRequest,
  Stored,
  StoredSnapshot,
  WriteRequest
} from "../../DurableStore.ts"
import { entityKey } from "./entityKey.ts"
import { tables } from "./durableSql.ts"

interface Row {
  readonly kind: Kind
  fence: Fence.Fence
  revision: number
  value: string | undefined
  readonly events: Array<string>
  snapshot: StoredSnapshot | undefined
}

/** Makes an empty store; it is acknowledged at once, and lives as long as it is referred to. */
export const makeMemoryStore = (valueBytesMax: number): DurableStoreService => {
  const rows = new Map<string, Row>()
  const rowOf = (entity: Entity) => rows.get(entityKey(entity))
  return {
    valueBytesMax,
    claim: (request) => Effect.suspend(() => claim(rows, request)),
    write: (request) => Effect.suspend(() => write(rowOf(request.entity), request)),
    read: (entity) => Effect.sync(() => storedOf(rowOf(entity))),
    events: (entity, { after, limit }) =>
      Effect.sync(() =>
        (rowOf(entity)?.events ?? [])
          .slice(after, after + limit)
          .map((event, index) => ({ sequence: after + index + 1, event }))
      ),
    snapshot: (entity) => Effect.sync(() => rowOf(entity)?.snapshot),
    saveSnapshot: (request) => Effect.sync(() => saveSnapshot(rowOf(request.entity), request))
  }
}

const claim = (
  rows: Map<string, Row>,
  { entity, fence, kind }: ClaimRequest
): ReturnType<DurableStoreService["claim"]> => {
  const key = entityKey(entity)
  let row = rows.get(key)
  if (row === undefined) {
    row = {
      kind,
      fence: Fence.none,
      revision: 0,
      value: undefined,
      events: [],
      snapshot: undefined
    }
    rows.set(key, row)
  }
  if (row.kind !== kind) {
    const reason = `it is a ${row.kind}, opened as a ${kind}`
    return Effect.fail(new CorruptRow({ table: tables.entities, ...entity, reason }))
  }
  const ours = fence ?? Fence.Fence.make(row.fence + 1)
  if (!Fence.admits(row.fence, ours)) {
    return Effect.fail(new Superseded({ ...entity, ours, stored: row.fence }))
  }
  row.fence = ours
  return Effect.succeed<Stored>({ fence: ours, revision: row.revision, value: row.value })
}

const write = (
  row: Row | undefined,
  request: WriteRequest
): ReturnType<DurableStoreService["write"]> => {
  const { entity, events, expected, fence, value } = request
  if (row === undefined) {
    return Effect.fail(
      new CorruptRow({ table: tables.entities, ...entity, reason: "it is gone" })
    )
  }
  if (row.fence !== fence) {
    return Effect.fail(new Superseded({ ...entity, ours: fence, stored: row.fence }))
  }
  if (row.revision !== expected) {
    return Effect.fail(new RevisionConflict({ ...entity, expected, stored: row.revision }))
  }
  row.value = value
  row.events.push(...events)
  row.revision += value === undefined ? events.length : 1
  return Effect.void
}

const storedOf = (row: Row | undefined): Stored | undefined =>
  row === undefined
    ? undefined
    : { fence: row.fence, revision: row.revision, value: row.value }

const saveSnapshot = (row: Row | undefined, { fence, sequence, state }: SnapshotRequest): void => {
  if (row === undefined || row.fence !== fence) return
  if (row.snapshot !== undefined && row.snapshot.sequence >= sequence) return
  row.snapshot = { sequence, state }
}
