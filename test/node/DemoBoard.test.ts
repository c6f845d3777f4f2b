import { expect, it } from "@effect/vitest"
import { DemoBoard } from "@plantd/node"
import { Effect, TestClock } from "effect"

const counters = { readings: 0, deadLetters: 0, restarts: 0, pumpCommands: 0, messages: 0 }

it.effect("rates are of the time since they were last taken", () =>
  Effect.gen(function*() {
    const board = new DemoBoard(yield* Effect.clock)
    yield* TestClock.adjust("1 seconds")
    expect(board.take({ ...counters, readings: 140, messages: 60 })).toEqual({
      readingsPerSecond: 140,
      messagesPerSecond: 60
    })
    yield* TestClock.adjust("2 seconds")
    expect(board.take({ ...counters, readings: 200, messages: 61 })).toEqual({
      readingsPerSecond: 30,
      messagesPerSecond: 1
    })
    expect(board.record.counts).toMatchObject({ readings: 200 })
  }))

it.effect("readings are counted on where a device actor counts from 0 again", () =>
  Effect.gen(function*() {
    const board = new DemoBoard(yield* Effect.clock)
    for (const readings of [100, 150, 20]) {
      yield* TestClock.adjust("1 seconds")
      expect(board.take({ ...counters, readings }).readingsPerSecond).toBeGreaterThan(0)
    }
    expect(board.record.counts).toMatchObject({ readings: 170 })
  }))

it.effect("time is counted from when the demo begins", () =>
  Effect.gen(function*() {
    const board = new DemoBoard(yield* Effect.clock)
    yield* TestClock.adjust("5 seconds")
    board.begin()
    yield* TestClock.adjust("1 seconds")
    expect(board.at).toBe(1_000)
  }))

it.effect("an event is told once with its time, and the last few stay to be seen", () =>
  Effect.gen(function*() {
    const board = new DemoBoard(yield* Effect.clock)
    yield* TestClock.adjust("1500 millis")
    yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], (n) => board.tell(`event ${n}`))
    expect(board.events.length).toBe(6)
    expect(board.events.at(-1)).toBe("   1.5 s  event 8")
    expect(board.takeEvents().length).toBe(8)
    expect(board.takeEvents()).toEqual([])
  }))
