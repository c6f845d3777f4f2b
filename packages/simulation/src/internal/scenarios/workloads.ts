/** The workloads of plantd's own scenarios, and what they check when all is over. */
import { Effect, Exit } from "effect"
import * as Checkers from "../../Checkers.ts"
import type { Sim } from "../sim.ts"
import type { Doses } from "./doser.ts"
import { Doser } from "./doser.ts"
import { Ledger } from "./ledger.ts"
import { Notebook, type Notes } from "./notebook.ts"

const idsOf = (prefix: string) => Array.from({ length: 8 }, (_, index) => `${prefix}-${index}`)

const ledgerIds = idsOf("l")
const noteIds = idsOf("n")
const doserIds = ["d-0", "d-1"] as const

/** Posts durably, some each second, until all that was acknowledged can be compared. */
export const posting = (posts: number, pauseMillis: number) =>
  function*(sim: Sim<unknown>) {
    Checkers.oneOwner(sim, ledgerIds)
    const ledger = sim.client(Ledger)
    for (let n = 0; n < posts; n++) {
      const id = ledgerIds[n % ledgerIds.length] ?? ""
      const post = ledger(id).Post({ entry: `e-${n}` }, { timeout: "1 minute" })
      yield* Effect.fork(Effect.ignore(post))
      yield* sim.advance(pauseMillis)
    }
    sim.sometimes("a ledger moved", () => ledgerIds.some((id) => sim.moves(Ledger, id) > 0))
    yield* sim.heal
    yield* sim.until("all are answered", () => sim.pending() === 0, { within: "2 minutes" })
    const posted = sim.history.map(({ exit, payload }) => ({
      entry: (payload as { readonly entry: string }).entry,
      acknowledged: exit?._tag === "Success"
    }))
    const applied: Array<string> = []
    for (const id of ledgerIds) {
      yield* Effect.retry(ledger(id).Close(undefined, { timeout: "2 seconds" }), { times: 60 })
      const entries = ledger(id).Entries(undefined, { timeout: "2 seconds" })
      applied.push(...(yield* Effect.retry(entries, { times: 60 })))
    }
    const acknowledged = posted.filter((post) => post.acknowledged).map(({ entry }) => entry)
    sim.check(
      "acknowledged is durable",
      Checkers.acknowledgedIsDurable({ acknowledged, applied })
    )
    const sent = posted.map(({ entry }) => entry)
    sim.check("exactly once", Checkers.exactlyOnce({ sent, applied }))
  }

/** Notes by volatile asks, each notebook's in order; what is told of them is compared. */
export const noting = (rounds: number, pauseMillis: number) =>
  function*(sim: Sim<Notes>) {
    Checkers.oneOwner(sim, noteIds)
    Checkers.noLeakedActor(sim)
    const notebook = sim.client(Notebook)
    for (let number = 0; number < rounds; number++) {
      for (const id of noteIds) {
        yield* Effect.fork(Effect.ignore(notebook(id).Note({ number }, { timeout: "3 seconds" })))
      }
      yield* sim.advance(pauseMillis)
    }
    sim.sometimes("a notebook moved", () => noteIds.some((id) => sim.moves(Notebook, id) > 0))
    yield* sim.until("all have ended", () => sim.pending() === 0)
    yield* sim.heal
    yield* sim.advance("10 seconds")
    const told = sim.history.map(({ exit, id, payload }) => {
      const { number } = payload as { readonly number: number }
      return [`${id}: ${number}`, exit === undefined ? undefined : toldOfNote(exit)] as const
    })
    const done = [...sim.plant].flatMap(([id, notes]) => notes.map((number) => `${id}: ${number}`))
    sim.check("at most once", Checkers.atMostOnce(done))
    sim.check("an answer is true", Checkers.outcomesAreTrue({ told, done }))
    for (const notes of sim.plant.values()) sim.check("order per pair", Checkers.inOrder(notes))
  }

/** A notebook that lost its lease says so, instead of noting. */
const toldOfNote = (exit: Exit.Exit<unknown, unknown>): Checkers.Told =>
  Exit.isSuccess(exit) && exit.value === -1 ? "not-done" : Checkers.toldOf(exit)

/** Doses through a lossy link; one that resends what is unknown doses twice sooner or later. */
export const dosing = (rounds: number, { resends }: { readonly resends: boolean }) =>
  function*(sim: Sim<{ readonly doses: Doses }>) {
    Checkers.oneOwner(sim, doserIds)
    const client = yield* sim.run(Doser.client)
    const told = new Map<string, Checkers.Told | undefined>()
    const dose = (id: string, batch: string) => {
      const command = `${id}: ${batch}`
      told.set(command, undefined)
      const once = client(id).dose({ batch })
      return sim.run(resends ? Effect.retry(once, { times: 2 }) : once).pipe(
        Effect.exit,
        Effect.map((exit) => void told.set(command, Checkers.toldOf(exit)))
      )
    }
    const doses = yield* Effect.fork(
      Effect.forEach(doserIds, (id) =>
        Effect.forEach(
          Array.from({ length: rounds }, (_, index) => `b-${index}`),
          (batch) => Effect.zipRight(dose(id, batch), Effect.sleep("200 millis"))
        ), { concurrency: "unbounded" })
    )
    yield* sim.until("all have ended", () => doses.unsafePoll() !== null, { within: "5 minutes" })
    yield* sim.heal
    yield* sim.advance("10 seconds")
    const done = [...sim.plant.doses].flatMap(([id, done]) =>
      done.map(({ batch }) => `${id}: ${batch}`)
    )
    sim.check("no pulse is sent again", Checkers.atMostOnce(done))
    sim.check("an outcome is true at the device", Checkers.outcomesAreTrue({ told, done }))
    for (const [id, begun] of sim.plant.doses) {
      const commands = begun.map(({ batch, fence }) => ({ command: `${id}: ${batch}`, fence }))
      sim.check("one writer per device", Checkers.fencesRise(commands))
    }
    sim.sometimes("an outcome was unknown", () => [...told.values()].includes("unknown"))
  }
