/** Ports that tests listen on, and may come back to after a while. */
import { Effect } from "effect"
import { createServer } from "node:net"

// Below the ports that systems give to outgoing connections (Linux from 32768, some from 16000):
// while a node is stopped, nobody else is given its port. Each process has a range of its own.
const range = { first: 10_240, end: 16_000, perProcess: 48 }
const ranges = (range.end - range.first) / range.perProcess
const last = { port: range.first + (process.pid % ranges) * range.perProcess - 1 }

const isFree = (port: number) =>
  Effect.async<boolean>((resume) => {
    const server = createServer()
    server.on("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

const freeAmong = (left: number): Effect.Effect<number> =>
  Effect.suspend(() => {
    if (left === 0) return Effect.dieMessage(`no port of ${range.first}..${range.end} is free`)
    const port = last.port + 1 < range.end ? last.port + 1 : range.first
    last.port = port
    return Effect.flatMap(
      isFree(port),
      (free) => free ? Effect.succeed(port) : freeAmong(left - 1)
    )
  })

/** A TCP port of the loopback interface that nobody listens on, and no other test takes. */
export const freePort: Effect.Effect<number> = freeAmong(range.end - range.first)
