/**
 * How an incarnation becomes a parent and ceases to be one: it takes over what the incarnation
 * before has left, and leaves its children to the next one.
 */
import { Deferred, Effect, FiberId, type Scope, Utils } from "effect"
import * as Random from "effect/Random"
import { ActorContext, type EndReason } from "../../ActorContext.ts"
import { ActorSystem, type ActorSystemService } from "../../ActorSystem.ts"
import type { Strategy } from "../../SupervisionTree.ts"
import type { ChildFailed, TreeFault } from "../../SupervisorError.ts"
import { type Estate, Guardian, keyOf, type Lineage, lineageOf, type Tenure } from "./lineage.ts"
import { Offspring, type Wanted } from "./offspring.ts"
import type { Child } from "../engine/supervised.ts"

/** What kind of parent. */
export interface Plan {
  readonly strategy: Strategy
  readonly children: ReadonlyArray<Wanted>
  readonly childrenMax: number
}

/** Starts the children of the actor that is being built; done when all have started. */
export const becomeParent = (
  plan: Plan
): Effect.Effect<
  Offspring,
  TreeFault | ChildFailed,
  ActorContext | ActorSystem | Scope.Scope
> =>
  Effect.gen(function*() {
    const context = yield* ActorContext
    const system = yield* ActorSystem
    const lineage = lineageOf(system.engine)
    const draw = new Utils.PCGRandom(yield* Random.nextInt)
    const runtime = yield* Effect.runtime()
    const begin = Effect.gen(function*() {
      const tenure = { of: context, over: yield* Deferred.make<void>() }
      lineage.begin(context.address, tenure)
      const estate = lineage.inherit(context.address)
      const guardian = estate?.guardian ?? new Guardian(context.address)
      const { childrenMax, strategy } = plan
      const random = () => draw.number()
      const { engine } = system
      const offspring = new Offspring(
        { context, lineage, guardian, engine, runtime, random, strategy, childrenMax }
      )
      yield* context.onEnd((reason) => endTenure({ lineage, offspring, system, tenure }, reason))
      const fault = takeOver(estate, { lineage, offspring, wanted: plan.children })
      return fault === undefined ? offspring : yield* Effect.fail(fault)
    })
    const offspring = yield* Effect.uninterruptibleMask((restore) =>
      Effect.zipRight(restore(vacancy(context, lineage)), begin)
    )
    offspring.wake()
    yield* Deferred.await(offspring.begun)
    return offspring
  })

/** Waits until the incarnation before has let go of the children: there is one at a time. */
const vacancy = (context: ActorContext["Type"], lineage: Lineage): Effect.Effect<void> =>
  Effect.suspend(() => {
    const last = lineage.last(context.address)
    if (last === undefined) return Effect.void
    return last.of === context
      ? Effect.dieMessage("Supervisor.supervise: call it once in a build")
      : Effect.zipRight(Deferred.await(last.over), vacancy(context, lineage))
  })

interface Parenthood {
  readonly lineage: Lineage
  readonly offspring: Offspring
  readonly system: ActorSystemService
  readonly tenure: Tenure
}

const endTenure = (
  { lineage, offspring, system, tenure }: Parenthood,
  reason: EndReason
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { address, guardian } = offspring
    const children = yield* offspring.end(reason)
    if (children.length > 0) {
      const dissolve = Effect.sync(() => {
        lineage.inherit(address)
        release(children, lineage)
      })
      const warden = yield* Effect.forkDaemon(
        Effect.interruptible(Effect.zipRight(system.watch(address), dissolve))
      )
      const dismiss = () => warden.unsafeInterruptAsFork(FiberId.none)
      lineage.bequeath(address, { children, dismiss, guardian })
    }
    lineage.end(address, tenure)
  })

/** In one step, so that no message finds a child between two parents. */
const takeOver = (
  estate: Estate | undefined,
  { lineage, offspring, wanted }: {
    readonly lineage: Lineage
    readonly offspring: Offspring
    readonly wanted: ReadonlyArray<Wanted>
  }
): TreeFault | undefined => {
  estate?.dismiss()
  const left = new Map(estate?.children.map((child) => [keyOf(child.address), child]))
  let fault: TreeFault | undefined
  for (const child of wanted) {
    const port = left.get(keyOf(child.address))
    if (port === undefined) {
      fault ??= offspring.adopt(child, false)
    } else {
      offspring.inherit(child, port)
      left.delete(keyOf(child.address))
    }
  }
  release([...left.values()], lineage)
  return fault
}

const release = (children: ReadonlyArray<Child>, lineage: Lineage): void => {
  for (const child of children.toReversed()) {
    child.stop("supervisor")
    lineage.leave(child.address)
  }
}
