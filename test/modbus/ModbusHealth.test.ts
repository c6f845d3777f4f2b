import { describe, expect, it } from "@effect/vitest"
import { ModbusHealth } from "@plantd/example-modbus"

const answered: ModbusHealth.HealthEvent = { _tag: "Answered" }
const silent: ModbusHealth.HealthEvent = { _tag: "Silent", reason: "no reply" }
const lost: ModbusHealth.HealthEvent = { _tag: "Lost", reason: "refused" }
const partly: ModbusHealth.HealthEvent = { _tag: "Round", refused: "illegal" }
const complete: ModbusHealth.HealthEvent = { _tag: "Round", refused: undefined }

describe("the hardware", () => {
  it.each<[string, ReadonlyArray<ModbusHealth.HealthEvent>, string, string | undefined]>([
    ["is down before the first answer", [], "down", "it has not answered yet"],
    ["stays down while nothing is reached", [lost, complete], "down", "refused"],
    ["is ok once it answers", [lost, answered], "ok", undefined],
    ["is degraded by a missing reply", [answered, silent], "degraded", "no reply"],
    ["is ok again with the next reply", [answered, silent, silent, answered], "ok", undefined],
    [
      "is down when it is silent again and again",
      [answered, silent, silent, silent],
      "down",
      "no reply"
    ],
    ["stays down when it accepts a connection and no more", [lost, silent], "down", "no reply"],
    ["is down when the connection is lost", [answered, lost], "down", "refused"],
    ["is degraded while it refuses some", [answered, partly], "degraded", "illegal"],
    ["is ok when it refuses none any more", [answered, partly, complete], "ok", undefined],
    ["still refuses after an outage", [answered, partly, lost, answered], "degraded", "illegal"]
  ])("%s", (_, events, hardware, reason) => {
    const health = events.reduce(ModbusHealth.step, ModbusHealth.initial)
    expect(health).toMatchObject({ hardware, reason })
  })
})
