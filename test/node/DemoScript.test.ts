import { expect, it } from "@effect/vitest"
import { DemoScript } from "@plantd/node"
import * as fc from "fast-check"

it("a demo with an end has one change of setpoint, and with chaos one outage in the middle", () => {
  expect(DemoScript.acts({ forMillis: 30_000, chaos: false })).toEqual([
    { at: 6_000, _tag: "Setpoint", level: DemoScript.secondSetpoint }
  ])
  expect(DemoScript.acts({ forMillis: 30_000, chaos: true })).toEqual([
    { at: 6_000, _tag: "Setpoint", level: DemoScript.secondSetpoint },
    { at: 10_500, _tag: "Kill" },
    { at: 13_500, _tag: "Restart" }
  ])
})

it("on several nodes it is a node that is killed, in the middle, and started again later", () => {
  expect(DemoScript.clusterActs({ forMillis: 30_000, chaos: false })).toEqual([
    { at: 6_000, _tag: "Setpoint", level: DemoScript.secondSetpoint }
  ])
  expect(DemoScript.clusterActs({ forMillis: 30_000, chaos: true })).toEqual([
    { at: 6_000, _tag: "Setpoint", level: DemoScript.secondSetpoint },
    { at: 13_500, _tag: "KillNode" },
    { at: 18_500, _tag: "StartNode" }
  ])
  const open = DemoScript.clusterActs({ forMillis: undefined, chaos: true })
  expect(open.filter(({ _tag }) => _tag === "KillNode").map(({ at }) => at).slice(0, 2)).toEqual([
    27_000,
    87_000
  ])
})

it("a demo without an end goes on changing the setpoint to and fro", () => {
  const levels = DemoScript.acts({ forMillis: undefined, chaos: false })
    .map((act) => (act._tag === "Setpoint" ? act.level : undefined))
  expect(levels.slice(0, 3)).toEqual([
    DemoScript.secondSetpoint,
    DemoScript.firstSetpoint,
    DemoScript.secondSetpoint
  ])
})

it("acts are in the order of their times, and recovery has time before it is judged", () => {
  fc.assert(
    fc.property(
      fc.option(fc.integer({ min: DemoScript.chaosForMillisMin, max: 600_000 }), {
        nil: undefined
      }),
      (forMillis) => {
        const acts = DemoScript.acts({ forMillis, chaos: true })
        const times = acts.map(({ at }) => at)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
        if (forMillis === undefined) return
        const last = times.at(-1) ?? Number.NaN
        expect(forMillis - DemoScript.judgedMillis - last).toBeGreaterThanOrEqual(8_000)
      }
    )
  )
})
