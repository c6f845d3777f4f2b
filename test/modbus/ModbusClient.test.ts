import { describe, expect, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { writesOf } from "./plc.ts"
import { rig, simulated } from "./rig.ts"

describe("the client of a device whose members come from a map", () => {
  it.scoped("reads, writes and invokes by name", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      yield* pump.write("speed", 12, { timeout: "1 second" })
      expect(yield* pump.read("speed")).toMatchObject({ attribute: "speed", value: 12 })
      yield* pump.invoke("dose", { liters: 2, into: "tank", gently: false })
      yield* pump.invoke("stop", {}, { timeout: "1 second" })
      expect(writesOf(plc).length).toBe(6)
      expect((yield* pump.snapshot)["speed"]).toBeDefined()
      expect((yield* pump.alarms.list).filter(({ state }) => state !== "normal")).toEqual([])
    }).pipe(simulated))

  it.scoped("dies of a name that the map does not have", () =>
    Effect.gen(function*() {
      const { plc, pump } = yield* rig
      const calls: ReadonlyArray<[Effect.Effect<unknown, unknown>, string]> = [
        [pump.read("toString"), 'the device has no attribute to read "toString"'],
        [pump.write("flow", 1), 'the device has no attribute to write "flow"'],
        [pump.invoke("read", {}), 'the device has no command "read"']
      ]
      for (const [call, message] of calls) {
        const cause = yield* Effect.flip(Effect.sandbox(call))
        expect(Cause.isDie(cause)).toBe(true)
        expect(String(Cause.squash(cause))).toContain(message)
      }
      expect(writesOf(plc)).toEqual([])
    }).pipe(simulated))
})
