/** Two nodes of a contender: one in this process, one in a second; and its counters on both. */
import { Effect } from "effect"
import { type Client, type Driver, driver } from "../peers/counter.ts"

/** A counter that can be asked durably. */
export interface Saving extends Client<unknown, unknown> {
  readonly save: (payload: { readonly by: number }) => Effect.Effect<number, unknown>
}

/** The counters of a cluster, as its node in this process sees them. */
export interface Node {
  readonly counter: (id: string) => Saving
  /** Whether the counter with an id lives in this process now. */
  readonly isHere: (id: string) => boolean
}

/** A counter in this process, and `outstanding` of them in the other. */
export interface Pair {
  readonly here: Driver
  readonly there: readonly [Driver, ...Array<Driver>]
  /** Those in the other process, asked durably. */
  readonly saved: ReadonlyArray<Driver>
}

/** The shards of each contender. */
export const shards = 256

/** How many messages are on their way at the same time, each to a counter of its own. */
export const outstanding = 64

const ids = Array.from({ length: 6 * outstanding }, (_, index) => `counter-${index}`)

/** How many of the ids a node has at least once the shards are divided among two. */
const shareMin = 1.5 * outstanding

/** The longest wait for the shards to be divided. */
const divideWithin = "60 seconds"

const unanswered = { duration: "5 seconds", onTimeout: () => "no answer" } as const

/** Waits until each of two nodes has its share, and picks counters on either. */
export const paired = ({ counter, isHere }: Node): Effect.Effect<Pair> =>
  Effect.gen(function*() {
    const divided = Effect.sync(() => {
      const count = ids.filter(isHere).length
      return count >= shareMin && count <= ids.length - shareMin
    })
    yield* Effect.repeat(Effect.delay(divided, "50 millis"), { until: (yes) => yes })
    const [here] = ids.filter(isHere).map((id) => driver(counter(id)))
    const clients = ids.filter((id) => !isHere(id)).slice(0, outstanding).map(counter)
    const [first, ...others] = clients.map((client) => driver(client))
    if (here === undefined || first === undefined) {
      return yield* Effect.dieMessage("a node has no counters")
    }
    const there: Pair["there"] = [first, ...others]
    for (const { total } of [here, ...there]) {
      // The other node may hold its shards a moment later than this one has given them up.
      yield* Effect.retry(Effect.timeoutFail(total, unanswered), { times: 10 })
    }
    return { here, there, saved: clients.map((client) => driver({ ...client, add: client.save })) }
  }).pipe(Effect.timeout(divideWithin), Effect.orDie)
