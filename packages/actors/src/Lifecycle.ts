/** What a test expects to happen to actors: starts, crashes, restarts, stops, dead letters. */
import { Duration, Effect, Option, type Scope, Stream } from "effect"
import { format } from "./ActorAddress.ts"
import { ActorSystem, type ActorSystemService } from "./ActorSystem.ts"
import { round, within } from "./internal/testing/settling.ts"
import {
  ExpectationFailed,
  inShort,
  type Sighting,
  Sightings
} from "./internal/testing/sightings.ts"
import type { LifecycleEvent } from "./LifecycleEvent.ts"

export { ExpectationFailed } from "./internal/testing/sightings.ts"

/** The time that an expectation waits when it does not say. */
export const withinDefault: Duration.DurationInput = "3 seconds"

/** Some fields of an event, as they are to be; a text may be matched by a regular expression. */
export type Pattern = {
  readonly [E in LifecycleEvent as E["_tag"]]:
    & { readonly _tag: E["_tag"] }
    & {
      readonly [Field in Exclude<keyof E, "_tag">]?: E[Field] extends string ? E[Field] | RegExp
        : E[Field]
    }
}[LifecycleEvent["_tag"]]

/** The events of a system since the recording began. */
export interface Recording {
  /**
   * Waits for events in this order; others may stand between them. Each event counts once: what was
   * expected before is not found again.
   */
  readonly expectEvents: (
    patterns: ReadonlyArray<Pattern>,
    options?: { readonly within?: Duration.DurationInput }
  ) => Effect.Effect<ReadonlyArray<LifecycleEvent>, ExpectationFailed>
  /** Waits that long, and fails when such an event comes, or has come and was not expected. */
  readonly expectNone: (
    pattern: Pattern,
    options?: { readonly within?: Duration.DurationInput }
  ) => Effect.Effect<void, ExpectationFailed>
  /** All events so far. */
  readonly seen: Effect.Effect<ReadonlyArray<LifecycleEvent>>
}

/**
 * Records all lifecycle events of the system from now on, until the scope closes. On a test's clock
 * an expectation moves time as far as is needed, at most to its deadline.
 */
export const record: Effect.Effect<Recording, never, ActorSystem | Scope.Scope> = Effect.gen(
  function*() {
    const system = yield* ActorSystem
    const sightings = new Sightings<LifecycleEvent>()
    const reader = Stream.runForEach(
      system.events,
      (event) => Effect.sync(() => sightings.add(event))
    )
    yield* Effect.forkScoped(reader)
    // Once everything that is ready has run, it listens: nothing that comes from now on is missed.
    yield* round
    return recordingOf(system, sightings)
  }
)

const recordingOf = (
  system: ActorSystemService,
  sightings: Sightings<LifecycleEvent>
): Recording => {
  const failed = (expected: string, duration: Duration.DurationInput) =>
    new ExpectationFailed({
      by: "the recording",
      expected,
      withinMillis: Duration.toMillis(duration),
      came: sightings.all.map(lineOf)
    })
  const { onChange } = sightings
  return {
    expectEvents: (patterns, options) => {
      const duration = options?.within ?? withinDefault
      const look = () => inOrder(sightings.unmet, patterns)
      return Effect.flatMap(
        within(system, duration, { look, onChange }),
        Option.match({
          onSome: (found) =>
            Effect.sync(() => {
              for (const sighting of found) sighting.met = true
              return found.map(({ value }) => value)
            }),
          onNone: () => Effect.fail(failed(patterns.map(describe).join(", then "), duration))
        })
      )
    },
    expectNone: (pattern, options) => {
      const duration = options?.within ?? withinDefault
      const look = () => sightings.unmet.find(({ value }) => matches(pattern, value))
      return Effect.flatMap(
        within(system, duration, { look, onChange }),
        Option.match({
          onSome: () => Effect.fail(failed(`no ${describe(pattern)}`, duration)),
          onNone: () => Effect.void
        })
      )
    },
    seen: Effect.sync(() => sightings.all.map(({ value }) => value))
  }
}

const inOrder = (
  sightings: ReadonlyArray<Sighting<LifecycleEvent>>,
  patterns: ReadonlyArray<Pattern>
): ReadonlyArray<Sighting<LifecycleEvent>> | undefined => {
  const found: Array<Sighting<LifecycleEvent>> = []
  for (const sighting of sightings) {
    const pattern = patterns[found.length]
    if (pattern === undefined) break
    if (matches(pattern, sighting.value)) found.push(sighting)
  }
  return found.length === patterns.length ? found : undefined
}

/** Whether a value has what a pattern asks for. */
const matches = (pattern: unknown, value: unknown): boolean => {
  if (pattern === undefined) return true
  if (pattern instanceof RegExp) return typeof value === "string" && pattern.test(value)
  if (typeof pattern !== "object" || pattern === null) return Object.is(pattern, value)
  if (typeof value !== "object" || value === null) return false
  return Object.entries(pattern).every(([key, part]) =>
    matches(part, (value as Readonly<Record<string, unknown>>)[key])
  )
}

const describe = ({ _tag, ...fields }: Pattern): string => {
  const parts = Object.entries(fields).map(([key, part]) =>
    `${key}: ${part instanceof RegExp ? String(part) : inShort(part)}`
  )
  return parts.length === 0 ? _tag : `${_tag} { ${parts.join(", ")} }`
}

const lineOf = ({ met, value }: Sighting<LifecycleEvent>): string => {
  const mark = met ? "  " : "> "
  if (value._tag === "EventsLost") return `${mark}(${value.count} events were lost here)`
  const { _tag, address, at, ...facts } = value
  return `${mark}at ${at} ms: ${_tag} ${format(address)} ${inShort(facts)}`
}
