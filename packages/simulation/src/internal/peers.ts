/** The transport between nodes on simulated wires. */
import { PeerTransport, type PeerTransportService } from "@plantd/cluster"
import {
  type Batch,
  CannotListen,
  PeerLost,
  type Receipt,
  type Take,
  textOf,
  type WrongSession
} from "@plantd/cluster/PeerTransport"
import { Effect, Exit, Layer } from "effect"
import type { Machine } from "./machine.ts"
import type { Network } from "./network.ts"
import type { World } from "./world.ts"

interface Listener {
  readonly machine: Machine
  readonly take: Take
}

type Answer = Exit.Exit<Receipt, WrongSession | PeerLost>

interface Underway {
  readonly from: Machine
  readonly to: Machine
  readonly answer: (exit: Answer) => void
}

/** All nodes that listen, and all batches that are on their way. */
export class Peers {
  private readonly world: World
  private readonly network: Network
  private readonly listeners = new Map<string, Listener>()
  private readonly underway = new Set<Underway>()

  constructor(world: World, network: Network) {
    this.world = world
    this.network = network
  }

  /** The transport of a node on a machine. */
  layer(machine: Machine): Layer.Layer<PeerTransport> {
    const service: PeerTransportService = {
      serve: ({ host, port }, take) => this.serve(machine, `${host}:${port}`, take),
      connect: (address) => Effect.succeed((batch) => this.post(machine, address, batch))
    }
    return Layer.succeed(PeerTransport, service)
  }

  /**
   * The connections of a machine break: it knows at once, and those at their other ends when its
   * host has told them.
   */
  reset(machine: Machine): void {
    for (const post of this.underway) {
      const { answer, from, to } = post
      if (to !== machine && from !== machine) continue
      this.underway.delete(post)
      const told = () => this.world.on(from, () => answer(reset))
      if (from === machine) this.world.after(0, undefined, told)
      else this.network.carry([to.name, from.name], 0, told)
    }
  }

  private serve(machine: Machine, address: string, take: Take) {
    return Effect.acquireRelease(
      Effect.suspend(() => {
        const before = this.listeners.get(address)
        if (before !== undefined && before.machine.state !== "dead") {
          return new CannotListen({ address, detail: "in use" })
        }
        this.listeners.set(address, { machine, take })
        return Effect.void
      }),
      () =>
        Effect.sync(() => {
          if (this.listeners.get(address)?.machine === machine) this.listeners.delete(address)
        })
    )
  }

  private post(from: Machine, address: string, batch: Batch) {
    return Effect.async<Receipt, WrongSession | PeerLost>((resume) => {
      const listener = this.listeners.get(address)
      const [host = ""] = address.split(":")
      this.world.note(from.name, "message", `${textOf(batch)} to ${host}`)
      if (listener === undefined || listener.machine.state === "dead") {
        // A host that is up refuses; from one without power nothing comes.
        if (listener !== undefined && this.isSilent(listener.machine)) return
        const refuse = () => this.world.on(from, () => resume(refused))
        this.network.carry(
          [from.name, host],
          0,
          () => this.network.carry([host, from.name], 0, refuse)
        )
        return
      }
      const { machine: to, take } = listener
      const underway = { from, to, answer: (exit: Answer) => resume(exit) }
      this.underway.add(underway)
      this.network.send(from, to, 0, () => {
        to.fork(Effect.exit(take(batch))).addObserver((outcome) => {
          if (Exit.isFailure(outcome)) return
          this.network.send(to, from, 0, () => {
            if (this.underway.delete(underway)) resume(outcome.value)
          })
        })
      })
      return Effect.sync(() => void this.underway.delete(underway))
    })
  }

  /** Machines that are dead without anybody to say so. */
  readonly silent = new Set<Machine>()

  private isSilent(machine: Machine): boolean {
    return this.silent.has(machine)
  }
}

const refused = Exit.fail(new PeerLost({ detail: "connection refused" }))
const reset = Exit.fail(new PeerLost({ detail: "connection reset" }))
