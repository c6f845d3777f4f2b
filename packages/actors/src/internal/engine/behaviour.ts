/** Turns a behaviour into its registration with the runtime; options are checked at once. */
import type { Rpc } from "@effect/rpc"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSchema from "@effect/rpc/RpcSchema"
import { Context, Duration, Effect, Exit, Layer, Runtime, RuntimeFlags, Scope } from "effect"
import type { Options } from "../../Actor.ts"
import { ActorContext, type ActorContextService } from "../../ActorContext.ts"
import { ActorSystem } from "../../ActorSystem.ts"
import * as Handling from "../../Handling.ts"
import * as Mailbox from "../../Mailbox.ts"
import * as Stash from "../../Stash.ts"
import * as Supervision from "../../Supervision.ts"
import { checkedCount, checkedMillis, checkedMillisOrNone } from "../checked.ts"
import { isImmediate } from "./immediate.ts"
import type { Build, ErasedHandlers, Mode, Registration } from "./registration.ts"

/** A type of actor, what it does, and how it is run. */
export interface Behaviour<Rpcs extends Rpc.Any> {
  readonly name: string
  readonly protocol: RpcGroup.RpcGroup<Rpcs>
  readonly build: object
  readonly options: Options
}

/** Registers a behaviour with the runtime for as long as the layer lives. */
export const layerOf = <Rpcs extends Rpc.Any>(
  behaviour: Behaviour<Rpcs>
): Layer.Layer<never, never, ActorSystem> => {
  const { name, options } = behaviour
  const mailbox = { ...Mailbox.standard, ...options.mailbox }
  const concurrency = options.concurrency === "unbounded"
    ? Number.MAX_SAFE_INTEGER
    : options.concurrency ?? 1
  const { residentsMax = residentsMaxDefault } = options
  const stashCapacity = options.stash?.capacity ?? Stash.standard.capacity
  const given = (option: string) => ({ at: `${name}.toLayer`, option })
  checkedCount(given("mailbox.capacity"), mailbox.capacity, 1)
  checkedCount(given("stash.capacity"), stashCapacity, 1)
  checkedCount(given("concurrency"), concurrency, 1)
  checkedCount(given("residentsMax"), residentsMax, 1)
  const { handlerTimeout = never, passivateAfter = never, shutdownTimeout = "5 seconds" } = options
  const handlerMillis = checkedMillis(given("handlerTimeout"), handlerTimeout)
  const passivateMillis = checkedMillis(given("passivateAfter"), passivateAfter)
  const shutdownMillis = checkedMillisOrNone(given("shutdownTimeout"), shutdownTimeout)
  return Layer.scopedDiscard(
    Effect.gen(function*() {
      const { engine } = yield* ActorSystem
      const { context, fiberRefs, runtimeFlags } = yield* Effect.runtime()
      const registration: Registration = {
        type: name,
        protocol: behaviour.protocol as unknown as RpcGroup.RpcGroup<Rpc.Any>,
        streams: streamsOf(behaviour.protocol),
        modes: modesOf(behaviour.protocol),
        build: buildOf(behaviour.build, context),
        context,
        // Counting fibers one by one would cost more than running the messages.
        runtime: Runtime.make({
          context,
          fiberRefs,
          runtimeFlags: RuntimeFlags.disable(runtimeFlags, RuntimeFlags.RuntimeMetrics)
        }),
        supervision: options.supervision ?? Supervision.restart(),
        mailbox,
        stashCapacity,
        concurrency,
        handlerMillis,
        passivateMillis,
        residentsMax,
        shutdownMillis
      }
      yield* engine.register(registration)
    })
  )
}

const never = Duration.infinity

/** The most actors of one type that are alive on a node, when nothing else is said. */
const residentsMaxDefault = 1_000_000

const buildOf = (build: object, context: Context.Context<never>): Build => {
  if (!Effect.isEffect(build)) {
    return { _tag: "Plain", effect: Exit.succeed(build as ErasedHandlers) }
  }
  const effect = build as Effect.Effect<ErasedHandlers, unknown, ActorContext | Scope.Scope>
  if (isImmediate(effect)) {
    return { _tag: "Plain", effect: effect as Effect.Effect<ErasedHandlers, unknown> }
  }
  const run = (actor: ActorContextService, scope: Scope.Scope) =>
    Effect.provide(
      effect,
      context.pipe(Context.add(ActorContext, actor), Context.add(Scope.Scope, scope))
    )
  return { _tag: "Scoped", run }
}

const modesOf = <Rpcs extends Rpc.Any>(
  protocol: RpcGroup.RpcGroup<Rpcs>
): ReadonlyMap<string, Mode> | undefined => {
  const modes = new Map<string, Mode>()
  for (const [tag, rpc] of protocol.requests) {
    const { annotations } = rpc as unknown as Rpc.AnyWithProps
    const mode = {
      beside: Context.get(annotations, Handling.Beside),
      interruptible: Context.get(annotations, Handling.Interruptible),
      reentrant: Context.get(annotations, Handling.Reentrant)
    }
    if (mode.beside || mode.interruptible || mode.reentrant) modes.set(tag, mode)
  }
  return modes.size === 0 ? undefined : modes
}

const streamsOf = <Rpcs extends Rpc.Any>(
  protocol: RpcGroup.RpcGroup<Rpcs>
): ReadonlySet<string> => {
  const streams = new Set<string>()
  for (const [tag, rpc] of protocol.requests) {
    const { successSchema } = rpc as unknown as Rpc.AnyWithProps
    if (RpcSchema.isStreamSchema(successSchema)) streams.add(tag)
  }
  return streams
}
