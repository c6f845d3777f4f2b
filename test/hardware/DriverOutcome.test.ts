/** What a handler says of a command that it did not see succeed, and what the node makes of it. */
import { describe, expect, it } from "@effect/vitest"
import { Driver, DriverStore, SimulatedTransport } from "@plantd/hardware"
import { Effect, TestClock } from "effect"
import { rawNode, settle } from "./peers.ts"
import { handlersOf, makePlant, Pump } from "./pump.ts"
import { clientOf, endpoints, reaches } from "./rig.ts"

const simulated = Effect.provide([SimulatedTransport.layer, DriverStore.memory])

/** Serves a pump whose speed is set by `write`. */
const serve = (
  write: (value: number, context: Driver.CommandContext) => Effect.Effect<unknown, unknown>
) =>
  Driver.serve(Pump, { ...handlersOf(makePlant()), write: { speed: write } }, {
    device: "p-1",
    ...endpoints,
    settings: { goodbyeMillis: 0 }
  })

const session = Effect.gen(function*() {
  const node = yield* rawNode(endpoints.commands)
  yield* node.ask("HELLO", node.hello)
  return {
    ...node,
    write: (value: number, fence = 0) =>
      node.send("WRITE", { ...node.command(0), fence, attribute: "speed", value })
  }
})

const outcomes: ReadonlyArray<
  [says: string, failure: Effect.Effect<never, unknown>, code: string, tag: string]
> = [
  ["it did nothing", Driver.refuse("busy", "one at a time"), "busy", "CommandRejected"],
  ["it came too late", Driver.refuse("expired", "the bus was slow"), "expired", "CommandRejected"],
  ["it cannot tell", Driver.unknown("the bus was silent"), "unknown", "OutcomeUnknown"],
  ["it tried and failed", Effect.fail("an exception"), "failed", "CommandFailed"]
]

describe("a handler of a driver", () => {
  it.scoped.each(outcomes)("that says that %s", ([, failure, code, tag]) =>
    Effect.gen(function*() {
      const driver = yield* serve(() => failure)
      const node = yield* session
      yield* node.write(1)
      expect((yield* node.receive).body).toMatchObject({ code })
      const pump = yield* clientOf(endpoints)
      yield* reaches(pump, "online")
      const error = yield* Effect.flip(pump.write.speed(2))
      expect(error._tag).toBe(tag)
      // Time did not pass: an unknown outcome is known to be one at once.
      const acted = code === "unknown" || code === "failed" ? 2 : 0
      expect(yield* driver.counters).toMatchObject({
        commandsExecuted: acted,
        commandsRefused: 2 - acted
      })
    }).pipe(simulated))

  it.scoped.each(
    [
      ["in time", "1 second", 0, "REPLY"],
      ["past the deadline", "1001 millis", 0, "expired"],
      ["after another node took over", "1 second", 7, "stale-fence"]
    ] as const
  )("looks again before it acts: %s", ([, waits, fence, expected]) =>
    Effect.gen(function*() {
      const acted: Array<number> = []
      yield* serve((value, { recheck }) =>
        Effect.sleep(waits).pipe(
          Effect.zipRight(recheck),
          Effect.zipRight(Effect.sync(() => acted.push(value)))
        )
      )
      const node = yield* session
      yield* node.write(5)
      yield* settle
      // The one with the higher fence waits for its turn, and counts from when it came.
      if (fence > 0) yield* (yield* session).write(6, fence)
      yield* settle
      yield* TestClock.adjust(waits)
      const { body, kind } = yield* node.receive
      expect(kind === "REPLY" ? kind : body).toEqual(
        kind === "REPLY" ? expected : expect.objectContaining({ code: expected })
      )
      expect(acted).toEqual(expected === "REPLY" ? [5] : [])
    }).pipe(simulated))

  it.scoped("is told the fence that it is begun with, for hardware that keeps one itself", () =>
    Effect.gen(function*() {
      const begun: Array<readonly [number, number]> = []
      yield* serve((value, { fence }) => Effect.sync(() => void begun.push([value, fence])))
      const node = yield* session
      yield* node.write(5, 3)
      yield* settle
      yield* node.write(6, 3)
      yield* settle
      yield* node.write(7, 8)
      yield* settle
      expect(begun).toEqual([[5, 3], [6, 3], [7, 8]])
    }).pipe(simulated))
})
