import { describe, expect, it } from "@effect/vitest"
import { Progress } from "@plantd/node"
import { Effect, TestClock } from "effect"

const shown = (isTerminal: boolean) => {
  const texts: Array<string> = []
  const write = (text: string) => Effect.sync(() => void texts.push(text))
  return { texts, progress: Progress.make({ isTerminal, write }) }
}

describe("progress", () => {
  it.effect("is drawn over itself on a terminal, and leaves nothing", () =>
    Effect.gen(function*() {
      const { progress, texts } = shown(true)
      yield* progress.show("1 of 2")
      yield* progress.show("2 of 2")
      yield* progress.clear
      expect(texts).toEqual(["\r1 of 2\u001b[K", "\r2 of 2\u001b[K", "\r\u001b[K"])
    }))

  it.effect("is a line every ten seconds elsewhere, none where all is over sooner", () =>
    Effect.gen(function*() {
      const { progress, texts } = shown(false)
      for (let n = 0; n <= 25; n++) {
        yield* progress.show(`after ${n} s`)
        yield* TestClock.adjust("1 second")
      }
      yield* progress.clear
      expect(texts).toEqual(["after 10 s\n", "after 20 s\n"])
    }))
})
