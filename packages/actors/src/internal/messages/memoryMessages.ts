/** Durable messages in memory, with the rules of the real store. */
import { Effect } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type {
  Kept,
  MessageEnd,
  MessageStoreService,
  NewMessage,
  StoredMessage
} from "../../MessageStore.ts"
import type { QuarantineStoreService } from "../../QuarantineStore.ts"
import { entityKey } from "../durable/entityKey.ts"

/** An empty store; what it is told is acknowledged at once. */
export const makeMemoryMessages = (
  valueBytesMax: number,
  quarantine: QuarantineStoreService
): MessageStoreService => {
  const rows = new Rows()
  return {
    valueBytesMax,
    put: (message) => Effect.sync(() => rows.put(message)),
    pending: (address, limit) => Effect.sync(() => rows.pending(address, limit)),
    answer: (sequence) => Effect.sync(() => rows.bySequence.get(sequence)?.end?.answer),
    attempted: (sequence, by) => Effect.sync(() => rows.attempted(sequence, by)),
    end: (sequence, end) =>
      Effect.suspend(() => {
        const row = rows.bySequence.get(sequence)
        if (row === undefined) return Effect.succeed(end.answer)
        if (row.end !== undefined) return Effect.succeed(row.end.answer)
        row.end = end
        return Effect.as(
          end.quarantined === undefined ? Effect.void : quarantine.add(end.quarantined),
          end.answer
        )
      }),
    waiting: (after, limit) => Effect.sync(() => rows.waiting(after, limit)),
    prune: (before, limit) => Effect.sync(() => rows.prune(before, limit))
  }
}

interface Row extends StoredMessage {
  attempts: number
  end: MessageEnd | undefined
}

class Rows {
  readonly bySequence = new Map<number, Row>()
  private readonly byKey = new Map<string, Row>()
  private last = 0

  put(message: NewMessage): Kept {
    const key = keyOf(message)
    const found = this.byKey.get(key)
    const row = found ?? { ...message, sequence: ++this.last, attempts: 0, end: undefined }
    if (found === undefined) {
      this.byKey.set(key, row)
      this.bySequence.set(row.sequence, row)
    }
    const { end, payload, sequence, tag } = row
    return { sequence, tag, payload, answer: end?.answer }
  }

  pending({ id, type }: ActorAddress, limit: number): ReadonlyArray<StoredMessage> {
    return [...this.open()]
      .filter(({ address }) => address.type === type && address.id === id)
      .slice(0, limit)
      .map((row) => ({ ...row }))
  }

  attempted(sequence: number, by: number): void {
    const row = this.bySequence.get(sequence)
    if (row !== undefined) row.attempts += by
  }

  waiting(after: ActorAddress | undefined, limit: number): ReadonlyArray<ActorAddress> {
    const byName = new Map([...this.open()].map(({ address }) => [nameOf(address), address]))
    return [...byName.keys()]
      .filter((name) => after === undefined || name > nameOf(after))
      .sort()
      .slice(0, limit)
      .flatMap((name) => byName.get(name) ?? [])
  }

  prune(before: number, limit: number): number {
    let count = 0
    for (const row of this.bySequence.values()) {
      if (count >= limit) break
      if (row.end === undefined || row.end.at >= before) continue
      this.bySequence.delete(row.sequence)
      this.byKey.delete(keyOf(row))
      count++
    }
    return count
  }

  private *open(): Iterable<Row> {
    for (const row of this.bySequence.values()) if (row.end === undefined) yield row
  }
}

const keyOf = ({ address, messageId }: NewMessage): string =>
  entityKey({ address, name: messageId })

/** In the order of types, then of ids. */
const nameOf = ({ id, type }: ActorAddress): string => `${type}\u0000${id}`
