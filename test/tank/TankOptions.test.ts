import { describe, expect, it } from "@effect/vitest"
import { TankOptions } from "@plantd/example-tank"
import { Either } from "effect"

const refused = (...args: ReadonlyArray<string>): string =>
  Either.getOrThrow(Either.flip(TankOptions.parse(args)))

describe("TankOptions", () => {
  it("without options the defaults hold", () => {
    expect(TankOptions.parse([])).toEqual(
      Either.right({ _tag: "Run", options: TankOptions.defaults })
    )
  })

  it("each option is taken", () => {
    const args = "--device rig/2 --commands tcp://127.0.0.1:* --telemetry tcp://localhost:6001"
      + " --seed=-7 --silence 4.5 --state there --parent 12 --detached"
    expect(TankOptions.parse(args.split(" "))).toEqual(Either.right({
      _tag: "Run",
      options: {
        device: "rig/2",
        commands: "tcp://127.0.0.1:*",
        telemetry: "tcp://localhost:6001",
        seed: -7,
        silence: 4.5,
        state: "there",
        parent: 12,
        detached: true
      }
    }))
  })

  it("help is shown whatever else is said, and tells of every option", () => {
    expect(TankOptions.parse(["--help", "--seed", "x"])).toEqual(Either.right({ _tag: "Help" }))
    for (const name of Object.keys(TankOptions.defaults)) {
      expect(TankOptions.usage).toContain(`--${name}`)
    }
  })

  it("an unknown option and a stray word are named", () => {
    expect(refused("--sede", "3")).toContain("'--sede'")
    expect(refused("tank-2")).toContain("'tank-2'")
    expect(refused("--seed")).toContain("--seed")
  })

  it("a seed that is not a whole number is named with what came", () => {
    for (const seed of ["x", "", "1.5", "Infinity"]) {
      expect(refused(`--seed=${seed}`)).toBe(`--seed: expected a whole number, got "${seed}"`)
    }
  })

  it("a silence that is no time, or too long, is named with what came", () => {
    for (const silence of ["x", "", "0", "-1", "61"]) {
      expect(refused(`--silence=${silence}`)).toBe(
        `--silence: expected seconds above 0, at most 60, got "${silence}"`
      )
    }
  })

  it("a parent that is no process is named with what came", () => {
    for (const parent of ["x", "", "0", "-1", "1.5"]) {
      expect(refused(`--parent=${parent}`)).toBe(
        `--parent: expected the number of a process, got "${parent}"`
      )
    }
  })

  it("an endpoint that is not tcp://host:port is named with what came", () => {
    for (const text of ["5801", "tcp://127.0.0.1", "tcp://:80", "ipc:///x", "tcp://a:70000"]) {
      expect(refused("--commands", text)).toBe(
        `--commands: expected tcp://host:port, got ${JSON.stringify(text)}`
      )
      expect(refused("--telemetry", text)).toContain("--telemetry: expected tcp://host:port")
    }
  })

  it("both endpoints must differ, unless the system chooses the port", () => {
    const both = (url: string) => ["--commands", url, "--telemetry", url]
    expect(refused(...both("tcp://127.0.0.1:7000"))).toBe(
      "--commands and --telemetry: both are tcp://127.0.0.1:7000"
    )
    expect(Either.isRight(TankOptions.parse(both("tcp://127.0.0.1:*")))).toBe(true)
  })

  it("a device's name that is no identifier and an empty directory are refused", () => {
    expect(refused("--device", "tank 1")).toContain("--device: expected letters")
    expect(refused("--state", "")).toBe("--state: expected the name of a directory")
  })
})
