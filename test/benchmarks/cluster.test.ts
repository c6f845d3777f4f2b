import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as harness from "../integration/harness.ts"

const minutes = 60_000

const bench = (...args: ReadonlyArray<string>) => harness.start("benchmarks/src/main.ts", ...args)

const figuresOf = (run: harness.Running) =>
  run.stdout().trimEnd().split("\n").map((line) => JSON.parse(line) as unknown)

const positive = expect.toSatisfy((value: number) => value > 0)

it.scopedLive(
  "the suite cluster measures two nodes beside two of the peer, and loses no message",
  () =>
    Effect.gen(function*() {
      const run = yield* bench("cluster", "--quick", "--json", "--figure", "ask-remote")
      yield* harness.succeeded(run)
      const ratios = { "effect-cluster": positive }
      const figure = { value: positive, unit: "asks/s", better: "higher", ratios }
      expect(figuresOf(run)).toEqual([{ suite: "cluster", name: "ask-remote", ...figure }])
    }),
  2 * minutes
)

it.scopedLive(
  "it kills a node, waits for the answer of another one, and reports median and P99",
  () =>
    Effect.gen(function*() {
      const run = yield* bench("cluster", "--json", "--runs", "1", "--figure", "failover-kill")
      yield* harness.succeeded(run)
      const same = { suite: "cluster", unit: "ms", better: "lower", ratios: {} }
      const times = { value: positive, p50: positive, p99: positive }
      expect(figuresOf(run)).toEqual([{ ...same, ...times, name: "failover-kill" }])
      expect(run.stderr()).toContain("cluster/failover-kill: 1 of 1: ")
    }),
  2 * minutes
)
