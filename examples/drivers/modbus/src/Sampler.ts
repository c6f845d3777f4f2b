/**
 * Reads attributes of a device, together: all who ask while it is being read share the next round.
 * So a value is never older than the question, however many ask.
 */
import { Clock, Deferred, Effect, Either, type Scope } from "effect"
import * as AttributeCodec from "./AttributeCodec.ts"
import type { ModbusBus } from "./ModbusBus.ts"
import { plan, type Span } from "./ReadPlan.ts"
import type * as RegisterMap from "./RegisterMap.ts"

/** A value, and when its reply came, in milliseconds since 1970-01-01 UTC. */
export interface Sample {
  readonly value: AttributeCodec.Value
  readonly time: number
}

/** Why an attribute has no value. */
export interface Missing {
  readonly reason: string
  /** True where the device answered that it does not give it. */
  readonly refused: boolean
}

/** What a round gave, by the names of attributes. */
export type Samples = ReadonlyMap<string, Either.Either<Sample, Missing>>

/** Reads attributes. */
export interface Sampler {
  /** Reads these attributes, in as few requests as there can be. Never fails. */
  readonly read: (names: ReadonlyArray<string>) => Effect.Effect<Samples>
}

interface Round {
  readonly names: Set<string>
  readonly done: Deferred.Deferred<Samples>
}

/** A sampler for the device behind a bus. */
export const make = (
  map: Pick<RegisterMap.RegisterMap, "attributes" | "gapMax">,
  bus: Pick<ModbusBus, "read">
): Effect.Effect<Sampler, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    let next: Round | undefined
    let running = false
    const rounds: Effect.Effect<void> = Effect.suspend(() => {
      const round = next
      if (round === undefined) {
        running = false
        return Effect.void
      }
      next = undefined
      return Effect.zipRight(
        Effect.intoDeferred(readAll(map, bus, round.names), round.done),
        rounds
      )
    })
    return {
      read: (names) =>
        Effect.flatMap(Deferred.make<Samples>(), (fresh) => {
          next ??= { names: new Set(), done: fresh }
          for (const name of names) next.names.add(name)
          const { done } = next
          if (running) return Deferred.await(done)
          running = true
          // Whoever asks at the same time, such as for all attributes one by one, shares the round.
          const begin = Effect.forkIn(Effect.zipRight(Effect.yieldNow(), rounds), scope)
          return Effect.zipRight(begin, Deferred.await(done))
        })
    }
  })

const readAll = (
  map: Pick<RegisterMap.RegisterMap, "attributes" | "gapMax">,
  bus: Pick<ModbusBus, "read">,
  names: ReadonlySet<string>
): Effect.Effect<Samples> =>
  Effect.gen(function*() {
    const wanted = Object.entries(map.attributes).filter(([name]) => names.has(name))
    const spans = wanted.map(([, entry]) => AttributeCodec.spanOf(entry))
    const samples = new Map<string, Either.Either<Sample, Missing>>()
    let unreachable: Missing | undefined
    for (const request of plan(spans, map.gapMax)) {
      const raw = unreachable === undefined
        ? yield* readOne(bus, request)
        : Either.left(unreachable)
      // What is silent or gone is not asked again in this round: each time-out would delay it.
      if (Either.isLeft(raw) && !raw.left.refused) unreachable = raw.left
      const time = yield* Clock.currentTimeMillis
      for (const [name, entry] of wanted) {
        const { address, table } = entry
        const at = address - request.address
        if (table !== request.table || at < 0 || at >= request.count) continue
        samples.set(name, Either.flatMap(raw, (values) => sampleOf(entry, values, { at, time })))
      }
    }
    return samples
  })

const readOne = (
  bus: Pick<ModbusBus, "read">,
  request: Span
): Effect.Effect<Either.Either<ReadonlyArray<number>, Missing>> =>
  Effect.either(
    Effect.mapError(bus.read(request), (error) => ({
      reason: error.message,
      refused: error._tag === "ExceptionReply"
    }))
  )

const sampleOf = (
  entry: RegisterMap.Attribute,
  raw: ReadonlyArray<number>,
  { at, time }: { readonly at: number; readonly time: number }
): Either.Either<Sample, Missing> =>
  Either.mapBoth(AttributeCodec.decode(entry, raw, at), {
    onLeft: (reason) => ({ reason, refused: false }),
    onRight: (value) => ({ value, time })
  })
