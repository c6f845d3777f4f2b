import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { folder, startDriver, startNode } from "./plant.ts"

const timeout = 60_000

/** What was asked, where the node dies, how often it was done, and what is known in the end. */
const cases = [
  ["turn:c-1", "intended", 0, "failed", "verify"],
  ["turn:c-1", "answered", 1, "succeeded", "verify"],
  ["write:c-1:40", "intended", 0, "failed", "readback"],
  ["write:c-1:40", "answered", 1, "succeeded", "readback"]
] as const

describe("kill -9 of a node in the middle of a command", () => {
  it.scopedLive.each(cases)(
    "%s, when it was just %s: it was done %d times, and the next life says: %s",
    ([deed, kill, times, state, settledBy]) =>
      Effect.gen(function*() {
        const directory = yield* folder
        const driver = yield* startDriver(directory)
        const first = yield* startNode(directory, driver.endpoints, [deed], kill)
        expect(yield* first.running.ended).toBe("SIGKILL")
        expect(first.said().some((line) => "deed" in line)).toBe(false)
        const asked = "outcome:c-1"
        const second = yield* startNode(directory, driver.endpoints, [asked, deed])
        expect(yield* second.told(asked)).toMatchObject({ commandId: "c-1", state, settledBy })
        // Its asker may ask again by the same id: it learns what became of it, and nothing is done.
        yield* second.told(deed)
        expect(driver.did(deed.startsWith("turn") ? "turn" : "write")).toBe(times)
      }),
    timeout
  )

  it.scopedLive(
    "when it was just sent: whether it was done or not, the next life says so",
    () =>
      Effect.gen(function*() {
        const directory = yield* folder
        // That it was sent is stored by itself only where the answer does not come soon.
        const driver = yield* startDriver(directory, { slowMillis: 300 })
        const first = yield* startNode(directory, driver.endpoints, ["turn:c-1"], "sent")
        expect(yield* first.running.ended).toBe("SIGKILL")
        const second = yield* startNode(directory, driver.endpoints, ["outcome:c-1"])
        const { state } = yield* second.told("outcome:c-1")
        // The transport had taken it; that it left before the process died is not said by that.
        expect([driver.did("turn"), state]).toEqual(
          driver.did("turn") === 1 ? [1, "succeeded"] : [0, "failed"]
        )
      }),
    timeout
  )
})
