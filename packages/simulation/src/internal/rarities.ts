/**
 * The places in code that misbehave in a run, by name: about half of those that are met, and each
 * of them one time in four.
 */
import { type Chance, chanceOf } from "./chance.ts"

/** How many of the places are chosen, and how often those fire. */
const chosen = 0.5
const often = 0.25

/** What is rare in one run. */
export class Rarities {
  /** Whether anything fires at present. */
  active = false
  private readonly seed: number
  private readonly places = new Map<string, Chance | undefined>()

  constructor(seed: number) {
    this.seed = seed
  }

  /** Whether a place fires now. Each has a stream of its own, so that no other changes it. */
  fires(site: string): boolean {
    if (!this.active) return false
    if (!this.places.has(site)) {
      const chance = chanceOf(this.seed, `buggify ${site}`)
      this.places.set(site, chance() < chosen ? chance : undefined)
    }
    const chance = this.places.get(site)
    return chance !== undefined && chance() < often
  }
}
