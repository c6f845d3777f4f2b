import { expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { file, three, untilAnswered, untilSo, untilStopped } from "./clusterHarness.ts"
import * as harness from "./harness.ts"
import { folder, startDriver } from "./plant.ts"
import { device, Valve } from "./valve.ts"

type Line = Readonly<Record<string, unknown>>

/** Errors that prove that the device has done nothing. */
const undone = [
  "CommandRejected",
  "CommandCancelled",
  "DeviceUnavailable",
  "JournalUnavailable",
  "NotDelivered"
]

interface Failed {
  readonly _tag: string
  readonly outcome?: unknown
}

const isUndone = ({ _tag, outcome }: Failed): boolean =>
  undone.includes(_tag) || outcome === "not-handled"

/** The commands that came with a lower fence than one that was announced before, with answers. */
const staleOf = (lines: ReadonlyArray<Line>) => {
  const announced = new Map<unknown, number>()
  const answers = new Map<unknown, Line>()
  const stale: Array<Line> = []
  let highest = 0
  for (const line of lines) {
    if (line["got"] === "HELLO") announced.set(line["request"], Number(line["fence"]))
    if (line["sent"] === "READY") {
      highest = Math.max(highest, announced.get(line["request"]) ?? 0)
    }
    if (line["sent"] === "REPLY" || line["sent"] === "ERROR") answers.set(line["request"], line)
    const isCommand = line["got"] === "WRITE" || line["got"] === "INVOKE"
    if (isCommand && Number(line["fence"]) < highest) stale.push(line)
  }
  return { highest, stale: stale.map((line) => answers.get(line["request"])) }
}

it.scopedLive(
  "a node that is frozen in a command of a device commands it no more, and nobody is told a lie",
  () =>
    Effect.gen(function*() {
      const driver = yield* startDriver(yield* folder, { frames: true, slowMillis: 500 })
      const { commands, telemetry } = driver.endpoints
      const { context, nodes } = yield* three(yield* file, {
        environment: { VALVE: `${commands} ${telemetry}` }
      })
      const valve = (yield* Effect.provide(Valve.client, context))(device)
      yield* untilAnswered(valve.write.opening(100, { commandId: "first" }))
      const fence = staleOf(driver.said()).highest
      const victim = nodes.find(({ running }) => running.stdout().includes(`"id":"${device}"`))
      if (victim === undefined) return yield* Effect.dieMessage("no node has the valve")

      const acknowledged: Array<number> = []
      const provenUndone: Array<number> = []
      const writeOnce = (number: number) =>
        Effect.match(valve.write.opening(number / 10, { commandId: `w${number}` }), {
          onSuccess: () => void acknowledged.push(number),
          onFailure: (error) => void (isUndone(error) && provenUndone.push(number))
        })
      const stateOf = (id: string) => Effect.map(valve.journal.outcome(id), ({ state }) => state)
      let number = 0
      const more = Effect.suspend(() => writeOnce(number++))
      const until = (count: number) =>
        harness.waitUntil(
          `${count} writes are done`,
          () => acknowledged.length >= count,
          "60 seconds"
        )
      const writer = yield* Effect.fork(Effect.forever(Effect.delay(more, "20 millis")))
      yield* until(5)
      const turning = yield* Effect.fork(Effect.exit(valve.turn({ commandId: "t" })))
      yield* harness.waitUntil("it turns", () => driver.did("turn") === 1)
      // These wait in the node behind it, and may be sent for 5 s.
      const waiting = yield* Effect.fork(
        Effect.forEach([500, 501, 502, 503], writeOnce, { concurrency: 4 })
      )
      yield* untilSo(
        "they wait",
        Effect.isSuccess(Effect.filterOrFail(stateOf("w503"), (state) => state === "queued"))
      )
      yield* victim.running.signal("SIGSTOP")
      yield* until(acknowledged.length + 5)
      yield* victim.running.signal("SIGCONT")
      yield* untilStopped(victim, device)
      yield* until(acknowledged.length + 5)
      yield* Fiber.interrupt(writer)
      yield* Fiber.join(waiting)

      // It was done, once: it may be unknown to its asker, and is known to the journal in the end.
      const turned = yield* Fiber.join(turning)
      if (Exit.isFailure(turned)) {
        const error = yield* Effect.flip(turned)
        expect(isUndone(error)).toBe(false)
      }
      expect(driver.did("turn")).toBe(1)
      yield* untilSo(
        "it is known to be done",
        Effect.map(stateOf("t"), (state) => state === "succeeded")
      )
      const done = driver.said().filter((line) => line["did"] === "write")
        .map(({ value }) => Math.round(Number(value) * 10))
      expect(new Set(done).size).toBe(done.length)
      expect(acknowledged.filter((write) => !done.includes(write))).toEqual([])
      expect(provenUndone.filter((write) => done.includes(write))).toEqual([])
      for (const write of acknowledged) expect(yield* stateOf(`w${write}`)).toBe("succeeded")

      const { highest, stale } = staleOf(driver.said())
      expect(highest).toBeGreaterThan(fence)
      for (const answer of stale) expect(answer).toMatchObject({ code: "stale-fence" })
    }),
  120_000
)
