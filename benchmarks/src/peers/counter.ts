/** The actor that everyone in the suite `actors` runs, and how everyone is driven. */
import { Rpc } from "@effect/rpc"
import { Effect, Schema } from "effect"
import { type Measure, rate, times } from "../Figure.ts"

/** A counter: adds to its state, and tells it. */
export const protocol = [
  Rpc.make("Add", { payload: { by: Schema.Int }, success: Schema.Int }),
  Rpc.make("Total", { success: Schema.Int })
] as const

/** As `Add`, stored before it is sent. */
export const save = Rpc.make("Save", { payload: { by: Schema.Int }, success: Schema.Int })

/** The state of a counter; `onAdd` is called for each message that adds. */
export const newCount = (onAdd: () => void) => {
  let total = 0
  return {
    add: (by: number) =>
      Effect.sync(() => {
        onAdd()
        return total += by
      }),
    total: Effect.sync(() => total)
  }
}

/** Asks between two looks at the clock. */
export const asksPerBatch = 200

/** Messages told before the one ask that waits for the last of them. */
export const tellsPerBatch = 10_000

/** A counter of a contender. */
export interface Driver {
  /** Asks so many times to add one, each after the answer to the one before. */
  readonly askMany: (count: number) => Effect.Effect<unknown, unknown>
  /** Tells so many times to add one, without waiting for an answer. */
  readonly tellMany: (count: number) => Effect.Effect<unknown, unknown>
  readonly total: Effect.Effect<number, unknown>
}

/** A client as both plantd and the Entity give it. */
export interface Client<AskFailure, TellFailure> {
  readonly add: (payload: { readonly by: number }) => Effect.Effect<number, AskFailure>
  readonly tell: (payload: { readonly by: number }) => Effect.Effect<void, TellFailure>
  readonly total: Effect.Effect<number, AskFailure>
}

/** Drives a client from one fiber. */
export const driver = <AskFailure, TellFailure>(
  client: Client<AskFailure, TellFailure>
): Driver => ({
  askMany: (count) => times(count, () => client.add({ by: 1 })),
  tellMany: (count) => times(count, () => client.tell({ by: 1 })),
  total: client.total
})

/** Drives many counters at once, each from a fiber of its own; they share a batch evenly. */
export const together = (drivers: ReadonlyArray<Driver>): Driver => {
  const shared =
    (run: (driver: Driver, count: number) => Effect.Effect<unknown, unknown>) => (count: number) =>
      Effect.forEach(drivers, (driver) => run(driver, count / drivers.length), {
        concurrency: "unbounded",
        discard: true
      })
  return {
    askMany: shared((driver, count) => driver.askMany(count)),
    tellMany: shared((driver, count) => driver.tellMany(count)),
    total: Effect.map(
      Effect.forEach(drivers, ({ total }) => total),
      (totals) => totals.reduce((sum, total) => sum + total, 0)
    )
  }
}

/** Asks per second; one outstanding for each counter. */
export const asks = ({ askMany, total }: Driver, size = asksPerBatch): Measure =>
  rate({ size, run: counted(total, askMany) })

/** Messages told per second, until the last of a batch was handled. */
export const tells = ({ tellMany, total }: Driver, size = tellsPerBatch): Measure =>
  rate({ size, run: counted(total, tellMany) })

/** Runs a batch, then asks for the total: a contender that lost a message is not measured. */
const counted = (total: Driver["total"], run: Driver["askMany"]) => {
  let expected = 0
  return (count: number): Effect.Effect<void> =>
    Effect.gen(function*() {
      yield* run(count)
      expected += count
      const handled = yield* total
      if (handled !== expected) {
        return yield* Effect.dieMessage(`${handled} messages were handled, expected ${expected}`)
      }
    }).pipe(Effect.orDie)
}
