/** Who waits for the beginning or the end of one activation of an actor. */
import type { ActorAddress } from "../../ActorAddress.ts"
import type { StopReason } from "../../ActorError.ts"
import type { Terminated } from "../../DeathWatch.ts"

/** Called when an actor has ended. */
export type OnTerminated = (terminated: Terminated) => void

/** Those who are told, each exactly once, in the order in which they asked. */
export class Onlookers {
  private watchers = new Set<OnTerminated>()
  private starters = new Set<() => void>()

  /** Tells `watcher` of the end; the result ends the watch. */
  onEnd(watcher: OnTerminated): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  /** Tells `starter` once the actor takes messages; the result ends that. */
  onBegin(starter: () => void): () => void {
    this.starters.add(starter)
    return () => this.starters.delete(starter)
  }

  /** The actor takes messages. */
  begun(): void {
    const { starters } = this
    this.starters = new Set()
    for (const starter of starters) starter()
  }

  /** The activation is over; who asks from now on asks for the next one. */
  ended(address: ActorAddress, reason: StopReason): void {
    const { watchers } = this
    this.watchers = new Set()
    for (const watcher of watchers) watcher({ _tag: "Terminated", address, reason })
  }
}
