import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "../integration/harness.ts"

const minutes = 60_000

const bench = (...args: ReadonlyArray<string>) => harness.start("benchmarks/src/main.ts", ...args)

it.scopedLive(
  "the suite hardware measures plantd beside raw sockets, and loses no reading",
  () =>
    Effect.gen(function*() {
      const names = ["readings", "command", "command-p99-under-load"]
      const run = yield* bench("hardware", "--quick", "--json", "--figure", ...names)
      yield* harness.succeeded(run)
      const figures = run.stdout().trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)
      const positive = expect.toSatisfy((value: number) => value > 0)
      const [bare, suite] = [{ bare: positive }, "hardware"]
      const [readings, command, underLoad] = names
      expect(figures).toEqual([
        {
          suite,
          name: readings,
          value: positive,
          unit: "readings/s",
          better: "higher",
          ratios: bare
        },
        {
          suite,
          name: command,
          value: positive,
          unit: "µs",
          better: "lower",
          ratios: { ...bare, synced: positive }
        },
        { suite, name: underLoad, value: positive, unit: "ms", better: "lower", ratios: {} }
      ])
    }),
  2 * minutes
)

it.scopedLive(
  "its device process ends with it, even where it is killed",
  () =>
    Effect.gen(function*() {
      const run = yield* bench("hardware", "--figure", "read")
      const device = yield* harness.waitUntil(
        "a device process",
        () =>
          harness.childrenOf(run.pid).find((child) => harness.commandOf(child).includes("device"))
      )
      yield* run.signal("SIGKILL")
      yield* harness.waitUntil("its end", () => !harness.exists(device))
    }),
  2 * minutes
)
