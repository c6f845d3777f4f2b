/** Which shard an actor belongs to. */
import * as ShardId from "@effect/cluster/ShardId"

/** The only group of shards. */
export const group = "default"

/** The part of an id that decides: actors whose ids agree up to the first slash live together. */
const rootOf = (id: string): number => {
  const slash = id.indexOf("/")
  return slash < 0 ? id.length : slash
}

/** The shards of a cluster, and which of them an id belongs to. */
export class ShardMap {
  /** As the cluster engine and the store name them, by number. */
  readonly ids: ReadonlyArray<ShardId.ShardId>
  readonly names: ReadonlyArray<string>

  constructor(shards: number) {
    this.ids = Array.from({ length: shards }, (_, index) => ShardId.make(group, index + 1))
    this.names = this.ids.map((shard) => shard.toString())
  }

  get count(): number {
    return this.ids.length
  }

  /** The number of the shard of an id: FNV-1a (Fowler, Noll, Vo), 32 bits, as plain code. */
  of(id: string): number {
    let hash = 0x811c9dc5
    const end = rootOf(id)
    for (let at = 0; at < end; at++) {
      hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
    }
    return (hash >>> 0) % this.ids.length
  }

  /** The number of a shard by its name. */
  numberOf(name: string): number | undefined {
    const number = Number(name.slice(name.indexOf(":") + 1)) - 1
    return this.names[number] === name ? number : undefined
  }
}
