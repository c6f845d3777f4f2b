/** The wires between machines: each message takes its time, and may never come. */
import type { Machine } from "./machine.ts"
import { type Chance, chanceOf } from "./chance.ts"
import type { World } from "./world.ts"

/** How long a message is on its way, in milliseconds. */
export interface Latency {
  readonly min: number
  readonly max: number
}

/** Within one building. */
export const near: Latency = { min: 0.2, max: 2 }

/** Wires by the names of machines. */
export class Network {
  private readonly world: World
  private readonly chance: Chance
  private readonly cuts = new Set<string>()
  private readonly delays = new Map<string, number>()

  constructor(world: World) {
    this.world = world
    this.chance = chanceOf(world.seed, "network")
  }

  /** Brings a message to a machine, later by so much; where it is lost, nobody hears of it. */
  send(from: Machine, to: Machine, lateMillis: number, arrive: () => void): void {
    if (from.state === "dead") return
    this.carry([from.name, to.name], lateMillis, () => this.world.on(to, arrive))
  }

  /** The same between hosts, by their names, whatever runs there: as operating systems tell. */
  carry([from, to]: readonly [string, string], lateMillis: number, arrive: () => void): void {
    const way = wayOf(from, to)
    if (this.isCut(way)) return
    const { max, min } = near
    const usual = min + this.chance() * (max - min)
    const millis = usual + (this.delays.get(way) ?? 0) + lateMillis
    this.world.after(millis, undefined, () => {
      // What a cut meets on its way is lost as well.
      if (!this.isCut(way)) arrive()
    })
  }

  /** Lets nothing through in one direction, until it is healed. */
  cut(from: string, to: string): void {
    this.cuts.add(wayOf(from, to))
  }

  heal(from: string, to: string): void {
    this.cuts.delete(wayOf(from, to))
  }

  /** Adds to the time of a way, or with 0 takes that back. */
  slow(from: string, to: string, millis: number): void {
    this.delays.set(wayOf(from, to), millis)
  }

  private isCut(way: string): boolean {
    return this.cuts.has(way)
  }
}

const wayOf = (from: string, to: string): string => `${from}>${to}`
