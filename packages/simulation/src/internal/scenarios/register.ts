/** Registers: one durable number each, which several clients read and write at a time. */
import * as Rpc from "@effect/rpc/Rpc"
import { Actor, ActorContext, DurableState, Supervision } from "@plantd/actors"
import { Effect, Layer, Schema } from "effect"
import * as Checkers from "../../Checkers.ts"
import type { Call, Sim } from "../sim.ts"

/** A register holds 0 until it is written. */
export const Register = Actor.make("Register", [
  Rpc.make("Write", { payload: { number: Schema.Int } }),
  Rpc.make("Read", { success: Schema.Int })
])

/**
 * Registers; one that keeps copies answers from what its node knew last, also where it has been on
 * another node meanwhile.
 */
export const registers = ({ keepsCopies }: { readonly keepsCopies: boolean }) =>
  Layer.suspend(() => {
    const copies = new Map<string, number>()
    return Register.toLayer(
      Effect.gen(function*() {
        const { address: { id } } = yield* ActorContext
        const state = yield* DurableState.open({ schema: Schema.Int, initial: 0 })
        return {
          Write: ({ number }) =>
            Effect.zipRight(
              Effect.orDie(state.set(number)),
              Effect.sync(() => void copies.set(id, number))
            ),
          Read: () => Effect.sync(() => (keepsCopies ? copies.get(id) : undefined) ?? state.current)
        }
      }),
      // A storage that is away for long is no reason to give up.
      { supervision: Supervision.restart({ maxRestarts: 10_000, within: "1 minute" }) }
    )
  })

const ids = ["r-0", "r-1", "r-2", "r-3"]

/** How many clients each register has. */
const clients = 2

/** Reads and writes by several clients at a time; what they saw is put into one order. */
export const sharing = (rounds: number, pauseMillis: number) =>
  function*(sim: Sim<unknown>) {
    Checkers.oneOwner(sim, ids)
    const register = sim.client(Register)
    let number = 0
    const timeout = { timeout: "3 seconds" } as const
    const client = (id: string) =>
      Effect.repeatN(
        Effect.suspend(() => {
          const ask = sim.random() < 0.5
            ? register(id).Write({ number: ++number }, timeout)
            : register(id).Read(undefined, timeout)
          const pause = pauseMillis * (0.5 + sim.random())
          return Effect.zipRight(Effect.ignore(ask), Effect.sleep(pause))
        }),
        rounds
      )
    yield* Effect.forEach(
      ids.flatMap((id) => Array.from({ length: clients }, () => id)),
      client,
      { concurrency: "unbounded" }
    )
    yield* sim.heal
    yield* sim.advance("5 seconds")
    for (const id of ids) {
      yield* Effect.retry(register(id).Read(undefined, timeout), { times: 60 })
      const calls = sim.history.filter((call) => call.id === id)
      const finding = Checkers.linearizable(calls.flatMap(operationOf), { initial: 0 })
      const detail = finding === undefined ? undefined : `${id}: ${finding}`
      sim.check("a register is linearizable", detail)
    }
    sim.sometimes("a register moved", () => ids.some((id) => sim.moves(Register, id) > 0))
  }

/** What is known not to have been done is no operation, and a read without an answer is none. */
const operationOf = (
  { begun, ended, exit, payload, tag }: Call
): ReadonlyArray<Checkers.Operation<number>> => {
  const known = exit === undefined ? "unknown" : Checkers.toldOf(exit)
  if (tag === "Write") {
    const { number: value } = payload as { readonly number: number }
    if (known === "not-done") return []
    return [{ kind: "write", value, begun, ended: known === "done" ? ended : undefined }]
  }
  return exit?._tag === "Success"
    ? [{ kind: "read", value: exit.value as number, begun, ended }]
    : []
}
