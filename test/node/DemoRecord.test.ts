import { describe, expect, it } from "@effect/vitest"
import { DemoRecord } from "@plantd/node"

type Observation = DemoRecord.Observation

const level = (at: number, value: number, more: Partial<DemoRecord.LevelObservation> = {}) =>
  ({ _tag: "Level", at, level: value, quality: "good", setpoint: 0.25, ...more }) as const

const counted = (at: number, counts: Partial<DemoRecord.Counts>): Observation => ({
  _tag: "Counted",
  at,
  counts: { ...DemoRecord.empty.counts, readings: 3_000, ...counts }
})

const after = (observations: ReadonlyArray<Observation>, at = 30_000) =>
  DemoRecord.summarize(observations.reduce(DemoRecord.observe, DemoRecord.empty), at)

const steady = [level(26_000, 0.251), level(29_900, 0.249), counted(29_900, {})]

const outage: ReadonlyArray<Observation> = [
  { _tag: "Link", at: 500, state: "online" },
  { _tag: "Killed", at: 12_000 },
  { _tag: "Link", at: 12_010, state: "degraded" },
  { _tag: "Link", at: 13_010, state: "lost" },
  level(13_011, 0.2, { quality: "stale" }),
  { _tag: "Restarted", at: 16_000 },
  { _tag: "Link", at: 17_000, state: "online" }
]

describe("a demo without chaos", () => {
  it("is fine where the level kept to its setpoint, readings came and no message was lost", () => {
    expect(after(steady)).toEqual({
      type: "summary",
      ok: true,
      problems: [],
      seconds: 30,
      levelErrorPercent: 0.4,
      readingsPerSecond: 100,
      deadLetters: 0,
      restarts: 0,
      linkLostAfterMs: null,
      staleWhileLost: null,
      pumpCommandsWhileLost: null,
      recovered: null
    })
  })

  it("is judged by the last five seconds alone", () => {
    expect(after([level(24_999, 0.1), ...steady])).toMatchObject({ ok: true })
    expect(after([level(25_000, 0.1), ...steady])).toMatchObject({
      ok: false,
      levelErrorPercent: 60
    })
  })

  it.each([
    ["a level that is off", [...steady, level(30_000, 0.256)], "2.4 % off"],
    ["no level at all", [counted(1, {})], "was not good"],
    [
      "a level that is not good",
      [...steady, level(30_000, 0.25, { quality: "stale" })],
      "was not good"
    ],
    ["a level without a value", [...steady, { ...level(30_000, 0), level: null }], "was not good"],
    ["few readings", [...steady, counted(30_000, { readings: 299 })], "readings per second, fewer"],
    ["a dead letter", [...steady, counted(30_000, { deadLetters: 1 })], "1 messages became dead"]
  ])("is not fine with %s, and says so", (_, observations, problem) => {
    const summary = after(observations)
    expect(summary.ok).toBe(false)
    expect(summary.problems.join()).toContain(problem)
  })
})

describe("a demo whose device may move", () => {
  const moved = (from: number, until: number) => [
    level(26_000, 0.251),
    level(from, 0.25, { quality: "stale" }),
    { ...level((from + until) / 2, 0, { quality: "bad" }), level: null },
    level(until, 0.249),
    counted(29_900, {})
  ]
  const judged = (observations: ReadonlyArray<Observation>) =>
    DemoRecord.summarize(observations.reduce(DemoRecord.observe, DemoRecord.empty), 30_000, 2_500)

  it("is fine where the level was good again in time", () => {
    expect(judged(moved(27_000, 29_499))).toMatchObject({ ok: true, levelErrorPercent: 0.4 })
  })

  it("is not fine where it was not, nor where it was never good", () => {
    expect(judged(moved(27_000, 29_500))).toMatchObject({ ok: false, levelErrorPercent: null })
    const never = [level(29_000, 0.25, { quality: "stale" }), counted(29_900, {})]
    expect(judged(never)).toMatchObject({ ok: false, levelErrorPercent: null })
  })
})

describe("a demo with chaos", () => {
  it("is fine where the loss was noticed in time, shown as stale, and recovered from", () => {
    expect(after([...outage, ...steady])).toMatchObject({
      ok: true,
      linkLostAfterMs: 1_010,
      staleWhileLost: true,
      pumpCommandsWhileLost: 0,
      recovered: true
    })
  })

  it("is fine where the level had grown stale by its age before the link was found lost", () => {
    const [online, killed, degraded, lost, stale, ...rest] = outage
    const order = [online, killed, degraded, stale, lost, ...rest].filter((seen) =>
      seen !== undefined
    )
    expect(after([...order, ...steady])).toMatchObject({ ok: true, staleWhileLost: true })
  })

  const without = (...indices: ReadonlyArray<number>) =>
    outage.filter((_, index) => !indices.includes(index))

  it.each<[string, ReadonlyArray<Observation>, string]>([
    ["a loss that went unnoticed", without(3), "was not found lost"],
    ["a loss without a stale level", without(4), "was not told as stale"],
    [
      "a good level while the link was lost",
      outage.toSpliced(5, 0, level(14_000, 0.2)),
      "was not told as stale"
    ],
    ["no recovery", without(6), "had not recovered"],
    [
      "a pump that was told something meanwhile",
      outage.toSpliced(5, 0, counted(14_000, { pumpCommands: 1 })),
      "the pump was told something"
    ],
    [
      "a loss noticed too late",
      outage.map((seen) => (seen.at === 13_010 ? { ...seen, at: 17_001 } : seen)),
      "5001 ms after the kill"
    ]
  ])("is not fine with %s, and says so", (_, observations, problem) => {
    const summary = after([...observations, ...steady])
    expect(summary.ok).toBe(false)
    expect(summary.problems.join()).toContain(problem)
  })
})
