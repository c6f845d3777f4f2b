/** `plantd device` as an operator runs it: the real command against real nodes. */
import { describe, expect, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as harness from "./harness.ts"

const minutes = 60_000

/** An environment in which no other node runs. */
const alone = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "plantd-cli-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
  ),
  (path): harness.Environment => ({ XDG_RUNTIME_DIR: path, TMPDIR: path })
)

const sockets = ({ XDG_RUNTIME_DIR: base = "" }: harness.Environment) =>
  readdirSync(join(base, "plantd"))

const begin = (env: harness.Environment, ...args: ReadonlyArray<string>) =>
  harness.startIn(env, "packages/node/src/main.ts", ...args)

/** Runs `plantd device` to its end. */
const device = (env: harness.Environment, ...args: ReadonlyArray<string>) =>
  Effect.scoped(Effect.gen(function*() {
    const run = yield* begin(env, "device", ...args)
    const code = yield* run.ended
    return { code, stdout: run.stdout(), stderr: run.stderr() }
  }))

interface Line {
  readonly type: string
  readonly [field: string]: unknown
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text.trim().split("\n").map((line) => JSON.parse(line) as Line)

/** A node with a pump, whose commands do as the test wants; see `controlNode.ts`. */
const nodeIn = (
  env: harness.Environment,
  ...args: ReadonlyArray<string>
): Effect.Effect<harness.Running, never, Scope.Scope> =>
  Effect.gen(function*() {
    const node = yield* harness.startIn(env, "test/integration/controlNode.ts", ...args)
    yield* harness.waitUntil("a node", () => node.stdout().includes("ready"))
    return node
  })

describe("beside a running demo", () => {
  it.scopedLive(
    "an operator lists, describes, reads, writes, calls and watches",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        const demo = yield* begin(env, "demo")
        yield* harness.waitUntil("an online link", () => demo.stdout().includes("link online"))

        const list = yield* device(env, "list")
        expect(list).toMatchObject({ code: 0, stderr: "" })
        expect(list.stdout).toMatch(/^DEVICE +TYPE +LINK +FOR +STATE\ntank-1 +Tank +online/)

        const [described, jsonList] = yield* Effect.all(
          [device(env, "describe", "tank-1"), device(env, "list", "--json")],
          { concurrency: "unbounded" }
        )
        expect(described.stdout).toMatch(/valveOpening +number +% +read-write +0 to 100/)
        expect(described.stdout).toMatch(/stop +set +emergency +1 s/)
        expect(linesOf(jsonList.stdout)).toMatchObject([
          { type: "device", device: "tank-1", deviceType: "Tank", link: { state: "online" } }
        ])

        const [read, known] = yield* Effect.all(
          [
            device(env, "read", "tank-1"),
            device(env, "read", "tank-1", "level1", "--known", "--json")
          ],
          { concurrency: "unbounded" }
        )
        expect(read.stdout).toMatch(/level1 +[\d.]+ +m +good +\d+ ms/)
        expect(linesOf(known.stdout)).toMatchObject([
          { type: "reading", device: "tank-1", attribute: "level1", unit: "m", quality: "good" }
        ])

        const stop = yield* device(env, "call", "tank-1", "stop", "--json")
        expect(stop.code).toBe(0)
        expect(linesOf(stop.stdout)).toEqual([
          { type: "called", device: "tank-1", command: "stop", commandId: expect.any(String) }
        ])
        const write = yield* device(env, "write", "tank-1", "valveOpening", "40")
        expect(write).toEqual({
          code: 0,
          stdout: "tank-1: valveOpening was set to 40\n",
          stderr: ""
        })
        // The valve takes its time, and this test's deadline is that of the wait.
        const opened = yield* Effect.repeat(
          Effect.map(
            device(env, "read", "tank-1", "state", "valveOpening", "--json"),
            ({ stdout }) => linesOf(stdout)
          ),
          { until: ([, opening]) => Math.abs(Number(opening?.["value"]) - 40) < 0.1 }
        )
        expect(opened).toMatchObject([{ value: "stopped", quality: "good" }, { unit: "%" }])
        expect((yield* device(env, "call", "tank-1", "release")).code).toBe(0)

        const watch = yield* begin(env, "device", "watch", "tank-1", "inflow", "state", "--json")
        yield* harness.waitUntil("some readings", () => watch.stdout().split("\n").length > 3)
        yield* watch.signal("SIGINT")
        expect(yield* watch.ended).toBe(0)
        expect(watch.stderr()).toBe("")
        for (const line of linesOf(watch.stdout())) {
          expect(line).toMatchObject({ type: "reading", quality: "good" })
        }

        yield* demo.signal("SIGINT")
        expect(yield* demo.ended).toBe(0)
        expect(sockets(env)).toEqual([])
      }),
    3 * minutes
  )
})

describe("an operator's mistake", () => {
  it.scopedLive(
    "is told with what to do instead, and nothing is done",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        yield* nodeIn(env)
        const cases: ReadonlyArray<readonly [ReadonlyArray<string>, number, string]> = [
          [["read", "pmup-1"], 1, 'no device "pmup-1"; did you mean pump-1?'],
          [["read", "pump-1", "flwo"], 1, "did you mean flow?"],
          [["write", "pump-1", "speed", "fast"], 1, "expected a number in rpm"],
          [["write", "pump-1", "speed", "9000"], 1, "9000 rpm is outside of 0 to 3000 rpm"],
          [["write", "pump-1", "speed", "-5"], 1, "-5 rpm is outside of 0 to 3000 rpm"],
          [["call", "pump-1", "prime"], 1, "seconds: is missing"],
          [["call", "pump-1", "prime", "seconds=x"], 1, "seconds: Expected number"],
          [["call", "pump-1", "prime", "second=3"], 1, "did you mean seconds?"],
          [["list", "--node", "other"], 1, 'no running node is called "other"'],
          [["lst"], 2, "there is no plantd device lst"]
        ]
        const ends = yield* Effect.forEach(cases, ([args]) => device(env, ...args), {
          concurrency: 3
        })
        for (const [index, { code, stderr, stdout }] of ends.entries()) {
          const [, expected, says] = cases[index]!
          expect(stderr).toContain(says)
          expect(stderr.trim().split("\n")).toHaveLength(1)
          expect({ code, stdout }).toEqual({ code: expected, stdout: "" })
        }
        const json = yield* device(env, "write", "pump-1", "speed", "9000", "--json")
        expect(linesOf(json.stdout)).toMatchObject([
          { type: "error", error: "CommandRejected", reason: "validation", outcome: "not-done" }
        ])
        const read = yield* device(env, "read", "pump-1", "speed", "--json")
        expect(linesOf(read.stdout)).toMatchObject([{ value: 0 }])
      }),
    3 * minutes
  )
})

describe("where nobody can tell what became of a command", () => {
  it.scopedLive(
    "the exit code is 3, and it is said to look first",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        yield* nodeIn(env)
        const unknown = yield* device(env, "call", "pump-1", "prime", "seconds=20", "--json")
        expect(unknown.code).toBe(3)
        expect(unknown.stderr).toContain("it is unknown whether prime was carried out")
        expect(unknown.stderr).toContain("plantd device read pump-1")
        expect(linesOf(unknown.stdout)).toMatchObject([
          { type: "error", error: "OutcomeUnknown", outcome: "unknown", operation: "prime" }
        ])
      }),
    2 * minutes
  )

  it.scopedLive(
    "Ctrl-C is no success, and neither is the death of the node",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        const flushing = (node: harness.Running) =>
          harness.waitUntil("a flush", () => node.stdout().includes("flushing"))
        const first = yield* nodeIn(env)
        const broken = yield* begin(env, "device", "call", "pump-1", "flush")
        yield* flushing(first)
        yield* broken.signal("SIGINT")
        expect(yield* broken.ended).toBe(3)
        expect(broken.stderr()).toContain("interrupted before an answer came. Nobody can tell")
        yield* first.signal("SIGKILL")

        const second = yield* nodeIn(env)
        const watching = yield* begin(env, "device", "watch", "pump-1", "flow")
        yield* harness.waitUntil("a reading", () => watching.stdout().includes("flow"))
        const calling = yield* begin(env, "device", "call", "pump-1", "flush")
        yield* flushing(second)
        yield* second.signal("SIGKILL")
        expect(yield* calling.ended).toBe(3)
        expect(calling.stderr()).toContain("the connection to the node ended")
        expect(yield* watching.ended).toBe(1)
        expect(watching.stderr()).toContain("the connection to the node ended")

        const gone = yield* device(env, "list")
        expect(gone.code).toBe(1)
        expect(gone.stderr).toContain("no running node was found")
        expect(sockets(env)).toEqual([])
      }),
    2 * minutes
  )
})

describe("what a node remembers for its operators", () => {
  it.scopedLive(
    "is what became of commands, and what people found out",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        yield* nodeIn(env)
        const named = ["--command-id", "prime-1", "--json"]
        const prime = device(env, "call", "pump-1", "prime", "seconds=3", ...named)
        const called = { type: "called", device: "pump-1", command: "prime", result: true }
        expect(linesOf((yield* prime).stdout)).toEqual([{ ...called, commandId: "prime-1" }])
        expect(linesOf((yield* prime).stdout)).toEqual([{ ...called, commandId: "prime-1" }])

        const lost = ["call", "pump-1", "prime", "seconds=20", "--command-id", "lost-1"]
        const unknown = yield* device(env, ...lost)
        expect(unknown.code).toBe(3)
        expect(unknown.stderr).toContain("plantd device commands pump-1 lost-1")
        const stands = yield* device(env, "commands", "pump-1", "lost-1", "--json")
        expect(linesOf(stands.stdout)).toMatchObject([
          { type: "command", commandId: "lost-1", state: "unresolved" }
        ])
        const alarms = yield* device(env, "alarms")
        expect(alarms.stdout).toMatch(/pump-1 +unresolved +active-unacked +major/)
        const resolved = yield* device(
          env,
          "resolve",
          "pump-1",
          "lost-1",
          "failed",
          "--by",
          "anna",
          "--note",
          "it is dry"
        )
        expect(resolved).toMatchObject({ code: 0, stderr: "" })
        const history = yield* device(env, "commands", "pump-1")
        expect(history.stdout).toMatch(/lost-1 +prime +failed +person +anna decided: it is dry/)
        expect(history.stdout).toMatch(/prime-1 +prime +succeeded +answer +true/)
        const twice = yield* device(env, "resolve", "pump-1", "lost-1", "succeeded")
        expect(twice.code).toBe(1)
        expect(twice.stderr).toContain("there is nothing to decide")
      }),
    3 * minutes
  )

  it.scopedLive(
    "is which alarms were seen, and who shelved them",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        yield* nodeIn(env)
        const watch = yield* begin(env, "device", "alarms", "--watch", "--json")
        yield* harness.waitUntil("the alarms", () => watch.stdout().includes('"speed.high"'))
        yield* device(env, "write", "pump-1", "speed", "2500")
        yield* harness.waitUntil("an alarm", () => watch.stdout().includes("active-unacked"))
        yield* watch.signal("SIGINT")
        expect(yield* watch.ended).toBe(0)

        const [raised] = linesOf((yield* device(env, "alarms", "pump-1", "--json")).stdout)
        expect(raised).toMatchObject({ type: "alarm", alarm: "speed.high", severity: "minor" })
        const ack = (occurrence: unknown) =>
          device(env, "ack", "pump-1", "speed.high", String(occurrence), "minor", "--by", "anna")
        const other = yield* ack("speed.high#1.99")
        expect(other.code).toBe(1)
        expect(other.stderr).toContain("look at it again")
        expect((yield* ack(raised?.["occurrenceId"])).stdout).toContain("active-acked")

        const shelve = ["speed.high", "--for", "30m", "--by", "ben", "--reason", "a test"]
        yield* device(env, "shelve", "pump-1", ...shelve)
        const shelved = yield* device(env, "alarms")
        expect(shelved.stdout).toMatch(/acknowledged by anna; shelved by ben for .*\(a test\)/)
        const unshelved = yield* device(env, "unshelve", "pump-1", "speed.high")
        expect(unshelved.code).toBe(0)
        expect(unshelved.stdout).not.toContain("shelved")
      }),
    3 * minutes
  )

  it.scopedLive(
    "is who operates a device, and whether it is in service",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        yield* nodeIn(env)
        const acquired = yield* device(env, "acquire", "pump-1", "anna", "--for", "10m")
        expect(acquired.stdout).toBe("pump-1: session anna operates it for 10 min\n")
        const write = ["write", "pump-1", "speed", "7"]
        const others = yield* device(env, ...write)
        expect(others.code).toBe(1)
        expect(others.stderr).toContain("(not-owner)")
        expect((yield* device(env, ...write, "--session", "anna")).code).toBe(0)
        expect((yield* device(env, "release", "pump-1", "anna")).code).toBe(0)
        const out = yield* device(env, "deactivate", "pump-1", "--by", "ben", "--reason", "seal")
        expect(out.stdout).toBe("pump-1: out of service by ben: seal\n")
        expect((yield* device(env, "list")).stdout).toContain("out of service by ben: seal")
        expect((yield* device(env, ...write)).code).toBe(1)
        expect((yield* device(env, "activate", "pump-1")).stdout).toBe("pump-1: in service\n")
      }),
    3 * minutes
  )
})

describe("which node is meant", () => {
  it.scopedLive(
    "is asked where several run, and can be told by name, by pid and by endpoint",
    () =>
      Effect.gen(function*() {
        const env = yield* alone
        const nothing = yield* device(env, "list")
        expect(nothing).toMatchObject({ code: 1, stdout: "" })
        expect(nothing.stderr).toContain("no running node was found")
        const endpoint = "tcp://127.0.0.1:45661"
        const [left] = yield* Effect.all(
          [nodeIn(env, "left"), nodeIn(env, "right"), nodeIn(env, "by-tcp", endpoint)],
          { concurrency: "unbounded" }
        )
        const several = yield* device(env, "list")
        expect(several.code).toBe(1)
        expect(several.stderr).toContain(`left (pid ${left.pid}), right (pid`)
        const ends = yield* Effect.forEach(
          [
            device(env, "list", "--node", "left"),
            device(env, "list", "--node", String(left.pid)),
            device(env, "list", "--control", endpoint),
            device({ ...env, PLANTD_CONTROL: endpoint }, "list")
          ],
          (run) => run,
          { concurrency: 2 }
        )
        for (const { code, stdout } of ends) {
          expect(code).toBe(0)
          expect(stdout).toContain("pump-1")
        }
      }),
    3 * minutes
  )
})

it.scopedLive("a watch ends when nobody reads it any more", () =>
  Effect.gen(function*() {
    const env = yield* alone
    yield* nodeIn(env)
    const watch = yield* begin(env, "device", "watch", "pump-1", "--all")
    yield* harness.waitUntil("a reading", () => watch.stdout().includes("flow"))
    yield* watch.stopReading
    expect(yield* watch.ended).toBe(0)
  }), 2 * minutes)
