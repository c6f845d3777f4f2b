/**
 * What stands in front of a port of this machine, and can be cut off as by a network that drops
 * packets: connections stay, nothing comes through, nothing is reset. Healed, it brings what was
 * sent meanwhile, as TCP sends it again, and ends the connections whose other side has ended.
 */
import { Effect, type Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

/** A way to a port, which can be cut. */
export interface Gate {
  readonly port: number
  /** Drops what comes and goes; of those alone who have sent this text first, if one is given. */
  readonly cut: (from?: string) => void
  readonly heal: () => void
}

/** Of what a connection sends, so much is looked through for who sends it. */
const saidMax = 4_096

/** The port that a gate leads to: of a server, or of what is started after its gate. */
const lineTo = (near: Socket, target: number, isCut: (said: string) => boolean) => {
  const far = connect(target, "127.0.0.1")
  let said = ""
  let waiting: Array<() => void> = []
  const now = (deed: () => void) => void (isCut(said) ? waiting.push(deed) : deed())
  near.on("data", (chunk) => {
    if (said.length < saidMax) said += chunk.toString("latin1")
  })
  for (const [one, other] of [[near, far], [far, near]] as const) {
    one.on("data", (chunk) => now(() => other.write(chunk)))
    one.on("error", () => {})
    one.on("close", () => now(() => other.destroy()))
  }
  return {
    heal: () => {
      const deeds = waiting
      waiting = []
      for (const deed of deeds) deed()
    },
    destroy: () => {
      near.destroy()
      far.destroy()
    }
  }
}

/** A gate before a port, until the scope closes. */
export const gate = (target: number): Effect.Effect<Gate, never, Scope.Scope> =>
  Effect.gen(function*() {
    const lines = new Set<ReturnType<typeof lineTo>>()
    const whose = new Set<string>()
    const isCut = (said: string) => [...whose].some((from) => said.includes(from))
    const server = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const made = createServer((near) => lines.add(lineTo(near, target, isCut)))
        made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
      }),
      (made) =>
        Effect.sync(() => {
          for (const line of lines) line.destroy()
          made.close()
        })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      cut: (from = "") => void whose.add(from),
      heal: () => {
        whose.clear()
        for (const line of lines) line.heal()
      }
    }
  })
