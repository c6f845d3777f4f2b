import * as RendezvousHash from "@plantd/actors/RendezvousHash"
import fc from "fast-check"
import { describe, expect, it } from "vitest"

const nodeIds = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 12 })
const keys = fc.array(fc.string(), { maxLength: 30 })

/** Any code unit, so that half surrogate pairs come up. */
const codeUnit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code))

const ownerOf = (ids: ReadonlyArray<string>, key: string): string | undefined =>
  ids[RendezvousHash.indexOf(RendezvousHash.make(ids), key)]

describe("the hash", () => {
  it.each([
    ["", 0x811c9dc5],
    ["a", 0xe40c292c],
    ["b", 0xe70c2de5],
    ["foobar", 0xbf9cf968]
  ])("is FNV-1a, as published: %j", (text, expected) => {
    expect(RendezvousHash.hash(text)).toBe(expected)
  })

  it("is of the UTF-8 bytes", () => {
    const ofBytes = (bytes: Uint8Array) =>
      bytes.reduce((state, byte) => Math.imul(state ^ byte, 0x01000193), 0x811c9dc5) >>> 0
    const anything = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: codeUnit }))
    fc.assert(fc.property(anything, (text) => {
      expect(RendezvousHash.hash(text)).toBe(ofBytes(new TextEncoder().encode(text)))
    }))
  })
})

describe("the owner of a key", () => {
  it("is nobody where there are no nodes", () => {
    expect(RendezvousHash.indexOf(RendezvousHash.make([]), "key")).toBe(-1)
  })

  it("never changes from one version to the next", () => {
    const ids = ["p-1", "p-2", "p-3", "p-4"]
    const owners = ["a", "b", "c", "d", "e", "f"].map((key) => ownerOf(ids, key))
    expect(owners).toEqual(["p-3", "p-1", "p-1", "p-2", "p-4", "p-3"])
  })

  it("does not depend on the order of the nodes", () => {
    fc.assert(fc.property(nodeIds, fc.string(), (ids, key) => {
      expect(ownerOf(ids.toReversed(), key)).toBe(ownerOf(ids, key))
    }))
  })

  it("moves only where its node leaves", () => {
    fc.assert(fc.property(nodeIds, keys, fc.nat(), (ids, keys, at) => {
      const gone = ids[at % ids.length] ?? ""
      const rest = ids.filter((id) => id !== gone)
      for (const key of keys) {
        const owner = ownerOf(ids, key)
        if (owner !== gone) expect(ownerOf(rest, key)).toBe(owner)
      }
    }))
  })

  it("moves only to a node that comes", () => {
    fc.assert(fc.property(nodeIds, keys, fc.string({ minLength: 1 }), (ids, keys, newcomer) => {
      fc.pre(!ids.includes(newcomer))
      for (const key of keys) {
        const owner = ownerOf([...ids, newcomer], key)
        if (owner !== newcomer) expect(owner).toBe(ownerOf(ids, key))
      }
    }))
  })

  it("is each node for its share of similar keys, within a tenth", () => {
    const ids = Array.from({ length: 10 }, (_, n) => `pump-${n}`)
    const nodes = RendezvousHash.make(ids)
    const counts = ids.map(() => 0)
    for (let n = 0; n < 100_000; n++) {
      const index = RendezvousHash.indexOf(nodes, `order-${n}`)
      counts[index] = (counts[index] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(1_000)
  })

  it("is one of both nodes whose names have the same hash, for half of their keys each", () => {
    // A collision of FNV-1a, 32 bits.
    const twins = ["costarring", "liquid"]
    expect(RendezvousHash.hash("costarring")).toBe(RendezvousHash.hash("liquid"))
    const owned = Array.from({ length: 1_000 }, (_, n) => ownerOf(twins, `key-${n}`))
    const first = owned.filter((owner) => owner === "liquid").length
    expect(first).toBeGreaterThan(400)
    expect(first).toBeLessThan(600)
  })
})
