/** The workloads of plantd's own scenarios, and what they check when all is over. */
import type { ActorError } from "@plantd/actors"
import type { DeviceError } from "@plantd/hardware"
import { Effect, Exit } from "effect"
import type { Sim } from "../sim.ts"
import type { Doses } from "./doser.ts"
import { Doser } from "./doser.ts"
import { Ledger } from "./ledger.ts"
import { Notebook, type Notes } from "./notebook.ts"

const idsOf = (prefix: string) => Array.from({ length: 8 }, (_, index) => `${prefix}-${index}`)

const ledgerIds = idsOf("l")
const noteIds = idsOf("n")
const doserIds = ["d-0", "d-1"] as const

/** At no time may the actors of an id run on two nodes. */
const oneOwner = (sim: Sim<unknown>, ids: ReadonlyArray<string>): void =>
  sim.always("one owner at a time", () => ids.every((id) => sim.owners(id).length <= 1))

/** Posts durably, some each second, until all that was acknowledged can be compared. */
export const posting = (posts: number, pauseMillis: number) =>
  function*(sim: Sim<unknown>) {
    oneOwner(sim, ledgerIds)
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
    const acknowledged = sim.history.flatMap(({ exit, payload }) =>
      exit?._tag === "Success" ? [(payload as { readonly entry: string }).entry] : []
    )
    const applied: Array<string> = []
    for (const id of ledgerIds) {
      yield* Effect.retry(ledger(id).Close(undefined, { timeout: "2 seconds" }), { times: 60 })
      const entries = ledger(id).Entries(undefined, { timeout: "2 seconds" })
      applied.push(...(yield* Effect.retry(entries, { times: 60 })))
    }
    const lost = acknowledged.filter((entry) => !applied.includes(entry))
    if (lost.length > 0) sim.fail("acknowledged is durable", `lost: ${lost.join(", ")}`)
    const twice = applied.filter((entry, index) => applied.indexOf(entry) < index)
    if (twice.length > 0) sim.fail("exactly once", `applied twice: ${twice.join(", ")}`)
  }

/** Notes by volatile asks, each notebook's in order; what is told of them is compared. */
export const noting = (rounds: number, pauseMillis: number) =>
  function*(sim: Sim<Notes>) {
    oneOwner(sim, noteIds)
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
    for (const { exit, id, payload } of sim.history) {
      const { number } = payload as { readonly number: number }
      const count = (sim.plant.get(id) ?? []).filter((noted) => noted === number).length
      if (count > 1) sim.fail("at most once", `${id} noted ${number} ${count} times`)
      const known = exit === undefined ? "unknown" : toldOf(exit)
      if (known === "done" && count === 0) sim.fail("an answer is true", `${id} lacks ${number}`)
      if (known === "not-done" && count > 0) {
        sim.fail("an answer is true", `${id} has ${number}, of which it was said that it had not`)
      }
    }
    for (const [id, noted] of sim.plant) {
      if (noted.some((number, index) => number < (noted[index - 1] ?? -1))) {
        sim.fail("order per pair", `${id} noted ${noted.join(", ")}`)
      }
    }
  }

/** What a sender was told of a volatile message. */
const toldOf = (exit: Exit.Exit<unknown, unknown>): "done" | "not-done" | "unknown" => {
  if (Exit.isSuccess(exit)) return exit.value === -1 ? "not-done" : "done"
  const { cause } = exit
  if (cause._tag !== "Fail") return "unknown"
  const error = cause.error as ActorError.AskError | DeviceError.CommandError
  switch (error._tag) {
    case "AskTimeout":
      return error.outcome === "not-handled" ? "not-done" : "unknown"
    case "NotDelivered":
    case "ActorStopped":
    case "MailboxFull":
    case "CommandRejected":
    case "DeviceUnavailable":
      return "not-done"
    default:
      return "unknown"
  }
}

/** Doses through a lossy link; one that resends what is unknown doses twice sooner or later. */
export const dosing = (rounds: number, { resends }: { readonly resends: boolean }) =>
  function*(sim: Sim<{ readonly doses: Doses }>) {
    oneOwner(sim, doserIds)
    const client = yield* sim.run(Doser.client)
    const told = new Map<string, Exit.Exit<unknown, unknown>>()
    const dose = (id: string, batch: string) => {
      const once = client(id).dose({ batch })
      return sim.run(resends ? Effect.retry(once, { times: 2 }) : once).pipe(
        Effect.exit,
        Effect.map((exit) => void told.set(`${id} ${batch}`, exit))
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
    for (const id of doserIds) {
      const done = sim.plant.doses.get(id) ?? []
      const twice = done.filter((batch, index) => done.indexOf(batch) < index)
      if (twice.length > 0) {
        sim.fail("no pulse is sent again", `${id} dosed twice: ${twice.join(", ")}`)
      }
      for (let index = 0; index < rounds; index++) {
        const exit = told.get(`${id} b-${index}`)
        const known = exit === undefined ? "unknown" : toldOf(exit)
        const isDone = done.includes(`b-${index}`)
        if ((known === "done" && !isDone) || (known === "not-done" && isDone)) {
          const detail = `${id} b-${index} was told ${known}, and ${
            isDone ? "was" : "was not"
          } dosed`
          sim.fail("an outcome is true at the device", detail)
        }
      }
    }
    sim.sometimes(
      "an outcome was unknown",
      () => [...told.values()].some((exit) => toldOf(exit) === "unknown")
    )
  }
