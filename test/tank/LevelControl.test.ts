import { describe, expect, it } from "@effect/vitest"
import { Epoch, Identifier, type Reading } from "@plantd/core"
import { LevelControl } from "@plantd/example-tank"

const settings = LevelControl.standard

const reading = (
  attribute: string,
  value: Reading.Value,
  over: Partial<Reading.Reading> = {}
): Reading.Reading => ({
  device: Identifier.DeviceId.make("tank-1"),
  attribute,
  value,
  quality: "good",
  sourceTime: 1_000,
  serverTime: 1_000,
  unit: "",
  epoch: Epoch.Epoch.make(1),
  seq: 1,
  ...over
})

const level = (value: Reading.Value, seq: number, over: Partial<Reading.Reading> = {}) =>
  reading("level2", value, { seq, sourceTime: 50 * seq, serverTime: 50 * seq, ...over })

const onLevel = (control: LevelControl.LevelControl, next: Reading.Reading) =>
  LevelControl.onLevel(settings, control, next)

const withPump = (speed: number): LevelControl.LevelControl =>
  LevelControl.onPump(LevelControl.make(0.3), reading("pumpSpeed", speed))

/** A controller that runs with the pump at `speed`, having acted on the reading with seq 1. */
const running = (speed: number): LevelControl.LevelControl =>
  onLevel(withPump(speed), level(0.3, 1))[0]

describe("LevelControl", () => {
  it("a controller waits until it knows the level", () => {
    const control = LevelControl.make(0.3)
    expect(control.mode).toBe("waiting")
    expect(control.reason).toBe("no reading yet")
  })

  it("the pump is told nothing until the controller knows where the pump is", () => {
    const [control, decision] = onLevel(LevelControl.make(0.3), level(0.1, 1))
    expect(decision).toEqual({ _tag: "Hold", reason: "no reading of the pump speed yet" })
    expect(control.mode).toBe("waiting")
    expect(control.blindWritesAvoided).toBe(1)
    expect(control.holds).toBe(0)
  })

  it("its first word to the pump is the speed the pump has", () => {
    const [control, decision] = onLevel(withPump(37), level(0.1, 1))
    expect(decision._tag).toBe("Write")
    expect(decision._tag === "Write" && decision.pumpSpeed).toBeCloseTo(37, 9)
    expect(control.mode).toBe("controlling")
    expect(control.reason).toBeUndefined()
  })

  it("a level that is not good is never acted on, and the reason is told", () => {
    for (const quality of ["uncertain", "stale", "bad"] as const) {
      const [control, decision] = onLevel(
        running(40),
        level(0.2, 2, { quality, reason: "link lost" })
      )
      expect(decision).toEqual({ _tag: "Hold", reason: `the level is ${quality} (link lost)` })
      expect(control.mode).toBe("holding")
      expect(control.holds).toBe(1)
      expect(control.blindWritesAvoided).toBe(1)
    }
    const [, decision] = onLevel(running(40), level(0.2, 2, { quality: "stale" }))
    expect(decision).toEqual({ _tag: "Hold", reason: "the level is stale" })
  })

  it("a good level without a number is not acted on", () => {
    for (const value of [null, "0.3", Number.NaN, true]) {
      const [, decision] = onLevel(running(40), level(value, 2))
      expect(decision).toEqual({ _tag: "Hold", reason: "the level is not a number" })
    }
  })

  it("several bad readings in a row are one hold and as many writes avoided", () => {
    let control = running(40)
    for (const seq of [2, 3, 4]) control = onLevel(control, level(0.2, seq, { quality: "bad" }))[0]
    expect(control.holds).toBe(1)
    expect(control.blindWritesAvoided).toBe(3)
  })

  it("when the level is good again, it takes over from the pump's measured speed", () => {
    const [held] = onLevel(running(40), level(0.2, 2, { quality: "stale" }))
    const pumpOff = LevelControl.onPump(held, reading("pumpSpeed", 0, { seq: 3 }))
    const [control, decision] = onLevel(pumpOff, level(0.1, 4))
    expect(decision._tag === "Write" && decision.pumpSpeed).toBeCloseTo(0, 9)
    expect(control.mode).toBe("controlling")
  })

  it("when the level is good again but the pump's speed is not, it goes on holding", () => {
    const [held] = onLevel(running(40), level(0.2, 2, { quality: "stale" }))
    const unknown = LevelControl.onPump(held, reading("pumpSpeed", 40, { quality: "stale" }))
    const [control, decision] = onLevel(unknown, level(0.2, 3))
    expect(decision).toEqual({ _tag: "Hold", reason: "the pump speed is stale" })
    expect(control.mode).toBe("holding")
  })

  it("while it controls, a stale pump speed does not stop it", () => {
    const control = LevelControl.onPump(running(40), reading("pumpSpeed", 40, { quality: "stale" }))
    expect(onLevel(control, level(0.3, 2))[1]._tag).toBe("Write")
  })

  it("a reading that is not newer than the last one acted on is ignored", () => {
    const control = onLevel(running(40), level(0.2, 5))[0]
    expect(onLevel(control, level(0.1, 5))[1]._tag).toBe("Ignore")
    expect(onLevel(control, level(0.1, 4))[1]._tag).toBe("Ignore")
    expect(onLevel(control, level(0.1, 6))[1]._tag).toBe("Write")
  })

  it("a new epoch of the device is newer, although its readings count from the start", () => {
    const control = onLevel(running(40), level(0.2, 500))[0]
    const again = level(0.2, 1, { epoch: Epoch.Epoch.make(2) })
    expect(onLevel(control, again)[1]._tag).toBe("Write")
  })

  it("a gap counts as no longer than its bound, by the device's clock within an epoch", () => {
    const after = (millis: number) =>
      onLevel(running(40), level(0.25, 2, { sourceTime: 50 + millis, serverTime: 60 }))[0].pid
    expect(after(1_000)).toEqual(after(30_000))
    expect(after(1_000)).not.toEqual(after(500))
  })

  it("a device's clock that steps back counts as no time", () => {
    const back = onLevel(running(40), level(0.25, 2, { sourceTime: -9_000 }))[0].pid
    const none = onLevel(running(40), level(0.25, 2, { sourceTime: 50 }))[0].pid
    expect(back).toEqual(none)
  })

  it("without a device's time the node's counts", () => {
    const { sourceTime: _, ...untimed } = level(0.25, 2, { serverTime: 550 })
    const timed = level(0.25, 2, { sourceTime: 550 })
    expect(onLevel(running(40), untimed)[0].pid).toEqual(onLevel(running(40), timed)[0].pid)
  })

  it("after a write that failed it takes over anew from where the pump is", () => {
    const failed = LevelControl.onWriteFailed(running(40))
    const elsewhere = LevelControl.onPump(failed, reading("pumpSpeed", 12, { seq: 2 }))
    const [, decision] = onLevel(elsewhere, level(0.1, 3))
    expect(decision._tag === "Write" && decision.pumpSpeed).toBeCloseTo(12, 9)
  })

  it("when its readings end it holds with the reason and forgets what it knew", () => {
    const control = LevelControl.onReadingsLost(running(40), "the tank's actor restarts")
    expect(control).toMatchObject({
      mode: "holding",
      reason: "the tank's actor restarts",
      holds: 1,
      level: undefined,
      pump: undefined
    })
    expect(onLevel(control, level(0.3, 9))[1]._tag).toBe("Hold")
  })

  it("a new setpoint is answered by the next reading", () => {
    const raised = LevelControl.withSetpoint(running(40), 0.35)
    const [, decision] = onLevel(raised, level(0.3, 2))
    expect(decision._tag === "Write" && decision.pumpSpeed).toBeGreaterThan(60)
  })

  it("only setpoints within the range are allowed", () => {
    expect([0.05, 0.2, 0.35].every((value) => LevelControl.allows(settings, value))).toBe(true)
    const outside = [0.049, 0.351, -1, Number.NaN, Number.POSITIVE_INFINITY]
    expect(outside.some((value) => LevelControl.allows(settings, value))).toBe(false)
  })
})
