/** What is asked of reminders, checked and encoded: times, names, payloads. */
import type { Rpc } from "@effect/rpc"
import { Identifier } from "@plantd/core"
import { Clock, DateTime, Duration, Effect, Either } from "effect"
import type { Actor } from "../../Actor.ts"
import { ValueNotEncodable, ValueTooLarge } from "../../DurableError.ts"
import type { NewReminder, ReminderStoreService } from "../../ReminderStore.ts"
import { encodePayload } from "./durableDelivery.ts"
import { keyProblem } from "../durable/entityKey.ts"
import { bytesUpTo } from "../durable/jsonText.ts"

/** The shortest `every`, in ms. */
export const everyMillisMin = 1_000

/** `Options` where the protocol does not matter any more. */
export interface AnyOptions {
  readonly name: string
  readonly message: readonly [tag: string, payload?: unknown]
  readonly after?: Duration.DurationInput
  readonly at?: DateTime.DateTime | number
  readonly every?: Duration.DurationInput
  readonly repeat?: number
  readonly timeToLive?: Duration.DurationInput
}

/** Checks a reminder, and gives it as it is stored. Dies where its options make no sense. */
export const reminderOf = <Name extends string, Rpcs extends Rpc.Any>(
  actor: Actor<Name, Rpcs>,
  id: string,
  { options, store }: { readonly options: AnyOptions; readonly store: ReminderStoreService }
): Effect.Effect<NewReminder, ValueTooLarge | ValueNotEncodable> =>
  Effect.gen(function*() {
    const { name } = options
    const [tag, input] = options.message
    const rpc = actor.protocol.requests.get(tag) as Rpc.AnyWithProps | undefined
    const key = { address: actor.at(id), name }
    const problem = keyProblem(key)
    if (rpc === undefined) return refuse(`${actor.name} has no message ${JSON.stringify(tag)}`)
    if (problem !== undefined) return refuse(`${JSON.stringify(name)}: ${problem}`)
    if (name.length > Identifier.identifierLengthMax) {
      return refuse(`a name has at most ${Identifier.identifierLengthMax} characters`)
    }
    const times = timesOf(options, yield* Clock.currentTimeMillis)
    const encoded = encodePayload(rpc, input)
    if (Either.isLeft(encoded)) {
      return yield* new ValueNotEncodable({ ...key, reason: encoded.left })
    }
    const payload = encoded.right
    const bytesMax = store.valueBytesMax
    const bytes = bytesUpTo(payload, bytesMax)
    if (bytes > bytesMax) return yield* new ValueTooLarge({ ...key, bytes, bytesMax })
    return { ...key, tag, payload, ...times }
  })

const timesOf = (
  { after, at, every, repeat, timeToLive }: AnyOptions,
  now: number
): Pick<NewReminder, "dueAt" | "periodMillis" | "ticksLeft" | "expiresAt"> => {
  if (after === undefined && at === undefined) refuse("it is due neither after a time nor at one")
  const due = at === undefined
    ? now + Duration.toMillis(after ?? 0)
    : typeof at === "number"
    ? at
    : DateTime.toEpochMillis(at)
  const dueAt = time("it", due)
  const expiresAt = timeToLive === undefined
    ? undefined
    : time("its end", now + Duration.toMillis(timeToLive))
  if (expiresAt !== undefined && expiresAt <= Math.max(now, dueAt)) {
    refuse("its timeToLive ends before its first tick")
  }
  if (every === undefined) {
    if (repeat !== undefined) refuse("repeat needs every")
    return { dueAt, periodMillis: undefined, ticksLeft: undefined, expiresAt }
  }
  const periodMillis = Math.ceil(Duration.toMillis(every))
  if (!Number.isSafeInteger(periodMillis) || periodMillis < everyMillisMin) {
    refuse(`every is ${periodMillis} ms, expected at least ${everyMillisMin} ms; see Timers`)
  }
  if (repeat !== undefined) checkCount("repeat", repeat)
  return { dueAt, periodMillis, ticksLeft: repeat, expiresAt }
}

/** The last time that a date can have, in ms since 1970-01-01 UTC. */
const timeMax = 8.64e15

const time = (what: string, millis: number): number =>
  millis >= 0 && millis <= timeMax
    ? Math.ceil(millis)
    : refuse(`${what} is due at ${millis} ms since 1970 UTC, which is no time`)

/** Dies unless this is a whole number above 0. */
export const checkCount = (name: string, value: number): void => {
  if (!Number.isSafeInteger(value) || value < 1) {
    refuse(`${name} is ${value}, expected a whole number above 0`)
  }
}

/** Dies with a fact that makes no sense. */
export const refuse = (fact: string): never => {
  throw new RangeError(`Reminder: ${fact}`)
}
