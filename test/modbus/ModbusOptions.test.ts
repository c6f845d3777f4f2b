import { describe, expect, it } from "@effect/vitest"
import { ModbusOptions } from "@plantd/example-modbus"
import { Either } from "effect"

const parse = (line: string) => ModbusOptions.parse(line.split(" ").filter((word) => word !== ""))

describe("the command line", () => {
  it("says where the device and its driver are, with defaults", () => {
    expect(parse("pump.json")).toEqual(Either.right({
      _tag: "Serve",
      options: {
        map: "pump.json",
        target: undefined,
        ...ModbusOptions.defaults,
        allowRemote: false,
        state: undefined
      }
    }))
    const line = "--target plc:1502 --commands tcp://127.0.0.1:* --telemetry tcp://[::1]:1"
    expect(parse(`pump.json ${line} --allow-remote --state there`)).toEqual(Either.right({
      _tag: "Serve",
      options: {
        map: "pump.json",
        target: { host: "plc", port: 1502 },
        commands: "tcp://127.0.0.1:*",
        telemetry: "tcp://[::1]:1",
        allowRemote: true,
        state: "there"
      }
    }))
    expect(parse("x --target [fe80::1]:502")).toMatchObject({
      right: { options: { target: { host: "fe80::1", port: 502 } } }
    })
  })

  it("checks a map, or shows its usage", () => {
    expect(parse("pump.json --check")).toEqual(Either.right({ _tag: "Check", map: "pump.json" }))
    expect(parse("--help")).toEqual(Either.right({ _tag: "Help" }))
  })

  it.each([
    ["", "expected the file with the register map"],
    ["a.json b.json", "one map at a time, got also b.json"],
    ["a.json --target plc", '--target: expected host:port, got "plc"'],
    ["a.json --target plc:0", '--target: expected host:port, got "plc:0"'],
    ["a.json --commands udp://x:1", '--commands: expected tcp://host:port, got "udp://x:1"'],
    ["a.json --telemetry tcp://x:70000", "--telemetry: expected tcp://host:port"],
    ["a.json --commands tcp://x:1 --telemetry tcp://x:1", "both are tcp://x:1"],
    ["a.json --state=", "--state: expected the name of a directory"],
    ["a.json --speed", "--speed"]
  ])("is refused, naming the option: %s", (line, fault) => {
    expect(Either.getOrThrow(Either.flip(parse(line)))).toContain(fault)
  })
})
