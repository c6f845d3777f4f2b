/** Randomness that follows from a seed: a stream of its own for each purpose, by name. */
import { Random } from "effect"

/** Gives the next number of a stream, at least 0 and below 1. */
export type Chance = () => number

/** FNV-1a (Fowler, Noll, Vo), 32 bits, of a text. */
export const hashOf = (text: string, start = 0x811c9dc5): number => {
  let hash = start
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  }
  return hash >>> 0
}

/**
 * The stream of a seed that has this name; what others take from theirs does not change it. It is
 * mulberry32 (T. Ettinger, 2017): drawn from at each step of a run, it has to be quick.
 */
export const chanceOf = (seed: number, name: string): Chance => {
  let state = hashOf(`${seed}/${name}`)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** A whole number from `least` to below `beyond`. */
export const wholeOf = (chance: Chance, least: number, beyond: number): number =>
  least + Math.floor(chance() * (beyond - least))

/** One of a list that is not empty. */
export const oneOf = <A>(chance: Chance, among: readonly [A, ...Array<A>]): A =>
  among[wholeOf(chance, 0, among.length)] ?? among[0]

/** Effect's Random on a stream. It hashes its seed, and numbers of above 30 bits to far fewer. */
export const randomOf = (seed: number, name: string): Random.Random =>
  Random.make(hashOf(`${seed}/${name}`) >>> 2)
