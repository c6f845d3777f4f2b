/**
 * Which node a key belongs to, by rendezvous hashing (Thaler and Ravishankar, "Using name-based
 * mappings to increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998): every node gets
 * a weight for the key, and the heaviest has it. A node that comes or goes moves only its own keys,
 * whatever the order of the nodes; no ring and no virtual nodes are needed. A look-up costs a few
 * nanoseconds per node.
 */

/** Nodes that keys can be given to; prepared once, for many keys. */
export interface Nodes {
  readonly ids: ReadonlyArray<string>
  /** For each node the hash that its weights are made of. */
  readonly seeds: Uint32Array
}

/** Prepares nodes. One that stands twice gets no more keys than others. */
export const make = (ids: ReadonlyArray<string>): Nodes => ({
  ids,
  seeds: Uint32Array.from(ids, (id) => mix(hash(id)))
})

/** The index of the node that has `key`, or -1 where there are no nodes. */
export const indexOf = ({ ids, seeds }: Nodes, key: string): number => {
  const keyHash = hash(key)
  let best = -1
  let most = -1
  for (let index = 0; index < seeds.length; index++) {
    const weight = mix((seeds[index] ?? 0) ^ keyHash)
    if (weight < most) continue
    if (weight === most && !precedes(ids[index] ?? "", ids[best] ?? "", keyHash)) continue
    best = index
    most = weight
  }
  return best
}

/**
 * A hash of a text that never changes, from one version to the next: FNV-1a (Fowler, Noll, Vo), 32
 * bits, over its UTF-8 bytes; half a surrogate pair counts as U+FFFD. Not for secrets.
 */
export const hash = (text: string): number => hashFrom(offsetBasis, text)

const offsetBasis = 0x811c9dc5
const prime = 0x01000193

const hashFrom = (start: number, text: string): number => {
  let state = start
  for (let index = 0; index < text.length; index++) {
    let point = text.codePointAt(index) ?? 0
    if (point > 0xffff) index++
    else if (point >= 0xd800 && point <= 0xdfff) point = 0xfffd
    if (point < 0x80) {
      state = step(state, point)
      continue
    }
    if (point < 0x800) {
      state = step(state, 0xc0 | (point >> 6))
    } else {
      if (point < 0x10000) {
        state = step(state, 0xe0 | (point >> 12))
      } else {
        state = step(state, 0xf0 | (point >> 18))
        state = step(state, 0x80 | ((point >> 12) & 0x3f))
      }
      state = step(state, 0x80 | ((point >> 6) & 0x3f))
    }
    state = step(state, 0x80 | (point & 0x3f))
  }
  return state >>> 0
}

const step = (state: number, byte: number): number => Math.imul(state ^ byte, prime)

/** Spreads each bit over all others: the last step of MurmurHash3 (Appleby). */
const mix = (value: number): number => {
  let state = value ^ (value >>> 16)
  state = Math.imul(state, 0x85ebca6b)
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
  return (state ^ (state >>> 16)) >>> 0
}

/** Which of two equal weights counts: by a second hash, so that neither node gets all of them. */
const precedes = (id: string, other: string, keyHash: number): boolean => {
  const weight = mix(hashFrom(keyHash, id))
  const otherWeight = mix(hashFrom(keyHash, other))
  return weight === otherWeight ? id < other : weight > otherWeight
}
