/** A transport between the nodes of one process, whose wires can be cut and made to lose things. */
import { PeerTransport, type PeerTransportService } from "@plantd/cluster"
import { type Batch, CannotListen, PeerLost, type Take } from "@plantd/cluster/PeerTransport"
import { Effect, Layer } from "effect"

/** What may happen to a batch on its way. */
export type Fault = "request-lost" | "receipt-lost"

/** Wires between nodes. */
export const makeWires = () => {
  const listening = new Map<string, Take>()
  const cut = new Set<string>()
  const faults: Array<Fault> = []
  const latest = new Map<string, Batch>()
  const state = { batches: 0 }
  const receipts = { millis: 0, of: "" }
  const stalled = { millis: 0 }
  const stood = { millis: 0 }
  const serve: PeerTransportService["serve"] = ({ host, port }, take) => {
    const address = `${host}:${port}`
    return Effect.acquireRelease(
      Effect.suspend(() => {
        if (listening.has(address)) return new CannotListen({ address, detail: "in use" })
        listening.set(address, take)
        return Effect.void
      }),
      () => Effect.sync(() => void listening.delete(address))
    )
  }
  const connect: PeerTransportService["connect"] = (address) =>
    Effect.succeed((posted) =>
      Effect.suspend(() => {
        const batch = { ...posted, sentAt: posted.sentAt - stood.millis }
        state.batches++
        latest.set(`${batch.from} ${address}`, batch)
        // Silence, as of a machine without power: nothing comes back, not even a refusal.
        if (cut.has(address) || cut.has(batch.from)) return Effect.never
        const fault = faults.shift()
        const take = listening.get(address)
        if (take === undefined) return new PeerLost({ detail: "connection refused" })
        if (fault === "request-lost") return new PeerLost({ detail: "lost" })
        if (stalled.millis > 0) {
          const late = Effect.delay(Effect.ignore(take(batch)), stalled.millis)
          return Effect.zipRight(Effect.forkDaemon(late), Effect.never)
        }
        const isSlow = receipts.millis > 0 && address.startsWith(receipts.of)
        const taken = isSlow
          ? Effect.zipLeft(take(batch), Effect.sleep(receipts.millis))
          : take(batch)
        return fault === "receipt-lost"
          ? Effect.zipRight(taken, new PeerLost({ detail: "lost" }))
          : taken
      })
    )
  return {
    layer: Layer.succeed(PeerTransport, { serve, connect }),
    /** A node is heard by nobody, and hears nobody. */
    cut: (address: string) => Effect.sync(() => void cut.add(address)),
    heal: (address: string) => Effect.sync(() => void cut.delete(address)),
    /** Each receipt, of one node or of all, is so long on its way. */
    slow: (millis: number, of = "") =>
      Effect.sync(() => void Object.assign(receipts, { millis, of })),
    /** The clocks of all senders stood still for so long, as those of suspended machines. */
    stand: (millis: number) => Effect.sync(() => void (stood.millis = millis)),
    /** What is sent now comes so much later, and its receipt never. */
    stall: (millis: number) => Effect.sync(() => void (stalled.millis = millis)),
    /** The next batches meet these, one each. */
    next: (...more: ReadonlyArray<Fault>) => Effect.sync(() => void faults.push(...more)),
    /** Slips letters in, as if one node had sent them to another right after its last ones. */
    slip: (from: string, to: string, letters: ReadonlyArray<unknown>) =>
      Effect.suspend(() => {
        const last = latest.get(`${from} ${to}`)
        const take = listening.get(to)
        if (last === undefined || take === undefined) return Effect.dieMessage("no batch before")
        return take({ ...last, sequence: last.sequence + 1, letters })
      }),
    batches: Effect.sync(() => state.batches)
  }
}
