/** Ports that tests listen on, and may come back to after a while. */
import { Effect } from "effect"
import { createServer } from "node:net"

// Below the ports that systems give to outgoing connections (Linux from 32768, some from 16000):
// while a node is stopped, nobody else is given its port. Each process has some of its own, and
// comes back to the first of them after the last one.
const [lowest, ranges, ofProcess] = [10_240, 120, 48]
const first = lowest + (process.pid % ranges) * ofProcess
let taken = 0

const isFree = (port: number) =>
  Effect.async<boolean>((resume) => {
    const server = createServer()
    server.on("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

const freeAmong = (left: number): Effect.Effect<number> =>
  Effect.suspend(() => {
    if (left === 0) return Effect.dieMessage(`no port from ${first} on is free`)
    const port = first + taken++ % ofProcess
    return Effect.flatMap(
      isFree(port),
      (free) => free ? Effect.succeed(port) : freeAmong(left - 1)
    )
  })

/** A TCP port of the loopback interface that nobody listens on, and no other test takes. */
export const freePort: Effect.Effect<number> = freeAmong(ofProcess)
