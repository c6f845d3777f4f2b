/**
 * Durable messages: an Rpc with the annotation `Handling.Durable` is stored before it is sent, and
 * stays until it was handled, with its answer for a while after. It survives kill -9 of any
 * process, and of all.
 *
 * A tell is acknowledged when it is stored, an ask when it was answered. The messages of this kind
 * for one actor are handled in the order in which they were stored, one after the other, at least
 * once: a handler whose process ended before its end was stored sees its message again, under the
 * same `id`. An actor that stores this id with what the message did does nothing twice.
 *
 * What crashes its actor, or gets no answer in time, is attempted again with growing delays,
 * `maxAttempts` times in all, and then put into quarantine; meanwhile later ones wait. What
 * provably reached no handler is attempted again without being counted.
 */
import { type Backoff, Buggify } from "@plantd/core"
import { Clock, Duration, Effect, Layer } from "effect"
import type { ActorAddress } from "./ActorAddress.ts"
import { ActorSystem } from "./ActorSystem.ts"
import { checkedCount, checkedMillis } from "./internal/checked.ts"
import { Envelope } from "./internal/engine/envelope.ts"
import { askTimeoutMillisMax } from "./internal/engine/client.ts"
import { Desk, deskIdOf, desksOn } from "./internal/messages/desk.ts"
import type { DeskGround } from "./internal/messages/deskWork.ts"
import { makeSender } from "./internal/messages/sender.ts"
import { MessageStore } from "./MessageStore.ts"
import { onGained } from "./internal/engine/listening.ts"
import { repeatedly } from "./internal/engine/repeatedly.ts"

/** How durable messages are handled, and kept. */
export interface Settings {
  /** How often a message is attempted before it is put into quarantine. */
  readonly maxAttempts: number
  /** How long an attempt waits for the handler. */
  readonly attemptTimeout: Duration.DurationInput
  /** The delays between attempts. */
  readonly retryBackoff: Backoff.Backoff
  /** How often the store is looked at for messages that nobody told of. */
  readonly pollInterval: Duration.DurationInput
  /**
   * How long a message is kept after it ended: for so long whoever sends it again under its primary
   * key gets its answer, and it is not handled again.
   */
  readonly retention: Duration.DurationInput
  /** How often messages are removed that were kept for so long. */
  readonly pruneInterval: Duration.DurationInput
}

/**
 * 5 attempts of 30 s, 100 ms to 10 s apart; a look each second; kept for an hour, pruned each
 * minute.
 */
export const defaults: Settings = {
  maxAttempts: 5,
  attemptTimeout: "30 seconds",
  retryBackoff: { min: "100 millis", max: "10 seconds", factor: 2, jitter: 0.2 },
  pollInterval: "1 second",
  retention: "1 hour",
  pruneInterval: "1 minute"
}

/** The most actors that one look at the store finds; the next one goes on from there. */
export const lookMax = 1_024

/** The most messages that are removed by one write. */
export const pruneMax = 1_000

/** Durable messages with these settings, for as long as the layer lives. */
export const layerWith = (
  settings: Partial<Settings>
): Layer.Layer<never, never, ActorSystem | MessageStore> =>
  Layer.unwrapScoped(
    Effect.gen(function*() {
      const bounds = boundsOf({ ...defaults, ...settings })
      const { engine } = yield* ActorSystem
      const store = yield* MessageStore
      const fires = yield* Buggify.Buggify
      const ground: DeskGround = { engine, store, delivering: bounds, fires }
      yield* engine.sendDurably(yield* makeSender(engine, store))
      yield* Effect.forkScoped(pruning(ground, bounds))
      return Layer.merge(desksOn(ground), Layer.scopedDiscard(looking(ground, bounds)))
    })
  )

/** Durable messages with the default settings, for as long as the layer lives. */
export const layer: Layer.Layer<never, never, ActorSystem | MessageStore> = Layer.suspend(() =>
  layerWith({})
)

type Bounds = ReturnType<typeof boundsOf>

const boundsOf = (settings: Settings) => {
  const given = (option: string) => ({ at: "DurableMessages", option })
  const millis = (option: "attemptTimeout" | "pollInterval" | "retention" | "pruneInterval") =>
    checkedMillis(given(option), settings[option])
  checkedCount(given("maxAttempts"), settings.maxAttempts, 1)
  return {
    maxAttempts: settings.maxAttempts,
    attemptTimeoutMillis: Math.min(millis("attemptTimeout"), askTimeoutMillisMax),
    retryBackoff: settings.retryBackoff,
    pollMillis: millis("pollInterval"),
    retentionMillis: millis("retention"),
    pruneMillis: millis("pruneInterval")
  }
}

/** Tells desks here of what is stored: after a start, after a move, and now and then. */
const looking = ({ engine, store }: DeskGround, { pollMillis }: Bounds) =>
  Effect.gen(function*() {
    const latch = yield* Effect.makeLatch(false)
    yield* onGained(engine, () => latch.unsafeOpen())
    let after: ActorAddress | undefined = undefined
    const look = Effect.gen(function*() {
      yield* latch.close
      const found: ReadonlyArray<ActorAddress> = yield* store.waiting(after, lookMax)
      after = found.length < lookMax ? undefined : found.at(-1)
      for (const address of found) {
        if (!engine.isHere(address.type, address.id)) continue
        engine.deliver(Desk.name, deskIdOf(address), new Envelope("Look", undefined))
      }
      if (after === undefined) yield* Effect.timeoutOption(latch.await, pollMillis)
    })
    yield* Effect.forkScoped(repeatedly("durable messages cannot be looked for", look, pollMillis))
  })

const pruning = ({ store }: DeskGround, { pruneMillis, retentionMillis }: Bounds) =>
  repeatedly(
    "durable messages that were handled cannot be removed",
    Effect.gen(function*() {
      yield* Effect.sleep(pruneMillis)
      const before = (yield* Clock.currentTimeMillis) - retentionMillis
      while ((yield* store.prune(before, pruneMax)) >= pruneMax) yield* Effect.yieldNow()
    }),
    pruneMillis
  )
