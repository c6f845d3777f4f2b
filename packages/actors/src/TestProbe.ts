/**
 * An actor type played by a test: it records what is sent to any of its actors, answers as the test
 * says, and the test states what it expects.
 */
import type { Rpc } from "@effect/rpc"
import { Duration, Effect, type Layer, Option } from "effect"
import type { Actor, HandlerResult } from "./Actor.ts"
import type { ActorSystem } from "./ActorSystem.ts"
import { Played, type Script, type Sent } from "./internal/testing/played.ts"
import { within as waitFor } from "./internal/testing/settling.ts"
import { ExpectationFailed, inShort, type Sighting } from "./internal/testing/sightings.ts"

export { ExpectationFailed, sightingsMax } from "./internal/testing/sightings.ts"

/** The time that an expectation waits when it does not say. */
export const withinDefault: Duration.DurationInput = "3 seconds"

/** The most messages that `fish` lets pass when it does not say. */
export const fishMax = 100

/** A message that came: to which actor, and when, in milliseconds since 1970 UTC. */
export type Message<Rpcs extends Rpc.Any> = {
  readonly [R in Rpcs as R["_tag"]]: {
    readonly id: string
    readonly tag: R["_tag"]
    readonly payload: Rpc.Payload<R>
    readonly at: number
  }
}[Rpcs["_tag"]]

type MessageOf<Rpcs extends Rpc.Any, Tag extends Rpcs["_tag"]> = Extract<
  Message<Rpcs>,
  { readonly tag: Tag }
>

type RpcOf<Rpcs extends Rpc.Any, Tag extends Rpcs["_tag"]> = Extract<
  Rpcs,
  { readonly _tag: Tag }
>

/** How long an expectation waits. */
export interface Within {
  readonly within?: Duration.DurationInput
}

/**
 * A type of actor, played. Expectations wait for their time at most; on a test's clock they move it
 * as far as is needed. Each message counts once, in the order in which they came.
 */
export interface TestProbe<Rpcs extends Rpc.Any> {
  /** Stands in for the layer of the actor type. */
  readonly layer: Layer.Layer<never, never, ActorSystem>
  /**
   * Answers messages of this tag, also those that wait for their answer: the first with the first
   * answer and so on, and all further ones with the last. Without a script a message that asks for
   * nothing is answered, and every other one waits.
   */
  readonly reply: <Tag extends Rpcs["_tag"]>(
    tag: Tag,
    ...answers: readonly [
      Rpc.Success<RpcOf<Rpcs, Tag>>,
      ...ReadonlyArray<Rpc.Success<RpcOf<Rpcs, Tag>>>
    ]
  ) => Effect.Effect<void>
  /** Handles messages of this tag, also those that wait for their answer. */
  readonly handle: <Tag extends Rpcs["_tag"]>(
    tag: Tag,
    handler: (message: MessageOf<Rpcs, Tag>) => HandlerResult<RpcOf<Rpcs, Tag>, never>
  ) => Effect.Effect<void>
  /** The next message must be of this tag, and fit. */
  readonly expect: <Tag extends Rpcs["_tag"]>(
    tag: Tag,
    predicate?: (message: MessageOf<Rpcs, Tag>) => boolean,
    options?: Within
  ) => Effect.Effect<MessageOf<Rpcs, Tag>, ExpectationFailed>
  /** No message must come for so long, or have come unexpected. */
  readonly expectNothing: (duration?: Duration.DurationInput) => Effect.Effect<
    void,
    ExpectationFailed
  >
  /** Waits for a message that fits, and lets at most `max` others pass. */
  readonly fish: <Found extends Message<Rpcs> = Message<Rpcs>>(
    predicate:
      | ((message: Message<Rpcs>) => message is Found)
      | ((message: Message<Rpcs>) => boolean),
    options?: Within & { readonly max?: number }
  ) => Effect.Effect<Found, ExpectationFailed>
  /** All messages so far. */
  readonly received: Effect.Effect<ReadonlyArray<Message<Rpcs>>>
}

/** A probe that plays all actors of a type, once its layer is provided. */
export const make = <Name extends string, Rpcs extends Rpc.Any>(
  actor: Actor<Name, Rpcs>
): Effect.Effect<TestProbe<Rpcs>> =>
  Effect.sync(() => {
    const played = new Played(actor as unknown as Actor<string, Rpc.Any>)
    const probe: Untyped = {
      layer: played.layer,
      reply: (tag, ...answers) => played.script(tag, answering(answers)),
      handle: (tag, script) => played.script(tag, script),
      expect: (tag, predicate, options) => expectNext(played, { tag, predicate, ...options }),
      expectNothing: (duration) => expectNothing(played, duration ?? withinDefault),
      fish: (predicate, options) => fish(played, { predicate, ...options }),
      received: Effect.sync(() => played.sightings.all.map(({ value }) => value))
    }
    // The types of the protocol end in `Played`, and `TestProbe` gives them back.
    return probe as unknown as TestProbe<Rpcs>
  })

interface Untyped {
  readonly layer: Layer.Layer<never, never, ActorSystem>
  readonly reply: (tag: string, ...answers: ReadonlyArray<unknown>) => Effect.Effect<void>
  readonly handle: (tag: string, script: Script) => Effect.Effect<void>
  readonly expect: (
    tag: string,
    predicate?: Predicate,
    options?: Within
  ) => Effect.Effect<Sent, ExpectationFailed>
  readonly expectNothing: (
    duration?: Duration.DurationInput
  ) => Effect.Effect<void, ExpectationFailed>
  readonly fish: (
    predicate: Predicate,
    options?: Within & { readonly max?: number }
  ) => Effect.Effect<Sent, ExpectationFailed>
  readonly received: Effect.Effect<ReadonlyArray<Sent>>
}

type Predicate = (message: Sent) => boolean

const answering = (answers: ReadonlyArray<unknown>): Script => {
  let next = 0
  return () => Effect.succeed(answers[Math.min(next++, answers.length - 1)])
}

const expectNext = (
  played: Played,
  { predicate, tag, within = withinDefault }: Within & {
    readonly tag: string
    readonly predicate: Predicate | undefined
  }
): Effect.Effect<Sent, ExpectationFailed> => {
  const expected = predicate === undefined ? tag : `${tag} that fits its predicate`
  const failed = () => failure(played, { expected, within, came: played.sightings.unmet })
  return Effect.flatMap(
    lookFor(played, within, () => played.sightings.unmet[0]),
    Option.match({
      onNone: () => Effect.fail(failed()),
      onSome: (next) => {
        const fits = next.value.tag === tag && (predicate?.(next.value) ?? true)
        const outcome = fits ? Effect.succeed(next.value) : Effect.fail(failed())
        next.met = true
        return outcome
      }
    })
  )
}

const expectNothing = (
  played: Played,
  within: Duration.DurationInput
): Effect.Effect<void, ExpectationFailed> =>
  Effect.flatMap(
    lookFor(played, within, () => played.sightings.unmet[0]),
    Option.match({
      onNone: () => Effect.void,
      onSome: () => {
        const came = played.sightings.unmet
        return Effect.fail(failure(played, { expected: "nothing", within, came }))
      }
    })
  )

const fish = (
  played: Played,
  { max = fishMax, predicate, within = withinDefault }: Within & {
    readonly max?: number
    readonly predicate: Predicate
  }
): Effect.Effect<Sent, ExpectationFailed> => {
  const passed: Array<Sighting<Sent>> = []
  const look = () => {
    for (const sighting of played.sightings.unmet) {
      sighting.met = true
      if (predicate(sighting.value)) return sighting
      passed.push(sighting)
      if (passed.length > max) return "too many"
    }
    return undefined
  }
  return Effect.flatMap(lookFor(played, within, look), (found) => {
    if (Option.isSome(found) && found.value !== "too many") {
      return Effect.succeed(found.value.value)
    }
    const expected = `a message that fits its predicate, after at most ${max} others,`
    return Effect.fail(failure(played, { expected, within, came: passed }))
  })
}

const lookFor = <A>(
  played: Played,
  duration: Duration.DurationInput,
  look: () => A | undefined
): Effect.Effect<Option.Option<A>> =>
  Effect.flatMap(played.system, (system) => {
    const { onChange } = played.sightings
    return waitFor(system, duration, { look, onChange })
  })

const failure = (
  played: Played,
  { came, expected, within }: {
    readonly expected: string
    readonly within: Duration.DurationInput
    readonly came: ReadonlyArray<Sighting<Sent>>
  }
): ExpectationFailed =>
  new ExpectationFailed({
    by: `the probe of ${played.name}`,
    expected,
    withinMillis: Duration.toMillis(within),
    came: came.map(({ value: { at, id, payload, tag } }) => {
      const content = payload === undefined ? "" : ` ${inShort(payload)}`
      return `  at ${at} ms: ${tag}${content} to ${id}`
    })
  })
