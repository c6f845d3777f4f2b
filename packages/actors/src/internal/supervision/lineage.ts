/**
 * Who supervises whom in one runtime, and the children that a supervisor which is being restarted
 * leaves to its next incarnation.
 */
import { type Cause, Deferred, Effect } from "effect"
import type { ActorAddress } from "../../ActorAddress.ts"
import type { Engine } from "../../ActorSystem.ts"
import type { Child, ChildEvent, Parent } from "../engine/supervised.ts"

/** An address as the key of a map; no type has the character that parts the two. */
export const keyOf = (address: ActorAddress): string => `${address.type}\u0000${address.id}`

/** One incarnation of a supervisor, from its build until its children have come to rest. */
export interface Tenure {
  /** The incarnation, as its actor's context. */
  readonly of: object
  readonly over: Deferred.Deferred<void>
}

/** A supervisor as its children know it, through all its incarnations. */
export class Guardian implements Parent {
  readonly address: ActorAddress
  /** The incarnation that decides. */
  present: Pick<Parent, "onChild" | "onCrash"> | undefined = undefined

  constructor(address: ActorAddress) {
    this.address = address
  }

  onCrash(child: ActorAddress, cause: Cause.Cause<unknown>): "resume" | "end" {
    return this.present?.onCrash(child, cause) ?? "end"
  }

  onChild(event: ChildEvent): void {
    this.present?.onChild(event)
  }
}

/** Children without an incarnation, whose mailboxes wait, in the order in which they start. */
export interface Estate {
  readonly guardian: Guardian
  readonly children: ReadonlyArray<Child>
  /** Dismisses who stops them, should no next incarnation come. */
  readonly dismiss: () => void
}

const lineages = new WeakMap<Engine, Lineage>()

/** The lineage of a runtime, for as long as that lives. */
export const lineageOf = (engine: Engine): Lineage => {
  const known = lineages.get(engine)
  if (known !== undefined) return known
  const lineage = new Lineage()
  lineages.set(engine, lineage)
  return lineage
}

/** The lineage of one runtime. */
export class Lineage {
  private readonly parents = new Map<string, ActorAddress>()
  private readonly tenures = new Map<string, Tenure>()
  private readonly estates = new Map<string, Estate>()

  /** From `child` down to `supervisor` and to `child` again, where it is an ancestor of that. */
  cycle(supervisor: ActorAddress, child: ActorAddress): ReadonlyArray<ActorAddress> | undefined {
    const chain = [child]
    const end = keyOf(child)
    let above: ActorAddress | undefined = supervisor
    while (above !== undefined) {
      chain.unshift(above)
      if (keyOf(above) === end) return chain
      above = this.parents.get(keyOf(above))
    }
    return undefined
  }

  join(child: ActorAddress, supervisor: ActorAddress): void {
    this.parents.set(keyOf(child), supervisor)
  }

  leave(child: ActorAddress): void {
    this.parents.delete(keyOf(child))
  }

  /** The incarnation that has not let go of its children yet. */
  last(address: ActorAddress): Tenure | undefined {
    return this.tenures.get(keyOf(address))
  }

  begin(address: ActorAddress, tenure: Tenure): void {
    this.tenures.set(keyOf(address), tenure)
  }

  end(address: ActorAddress, tenure: Tenure): void {
    this.tenures.delete(keyOf(address))
    Deferred.unsafeDone(tenure.over, Effect.void)
  }

  /** Leaves children to the next incarnation. */
  bequeath(address: ActorAddress, estate: Estate): void {
    this.estates.set(keyOf(address), estate)
  }

  /** Takes what the incarnation before has left. */
  inherit(address: ActorAddress): Estate | undefined {
    const estate = this.estates.get(keyOf(address))
    this.estates.delete(keyOf(address))
    return estate
  }
}
