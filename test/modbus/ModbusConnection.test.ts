import { describe, expect, it } from "@effect/vitest"
import { ModbusConnection } from "@plantd/example-modbus"

describe("what can become of a request", () => {
  it.each([
    [
      new ModbusConnection.NotSent({ detail: "plc:502: not connected" }),
      "plc:502: not connected; nothing was sent"
    ],
    [
      new ModbusConnection.ExceptionReply({ code: 2, place: "holding 40" }),
      "holding 40: the device answered with exception 2, illegal data address"
    ],
    [
      new ModbusConnection.ExceptionReply({ code: 99, place: "coil 0" }),
      "coil 0: the device answered with exception 99, an exception of its own"
    ],
    [new ModbusConnection.NoReply({ why: "time-out", detail: "no reply" }), "no reply"],
    [new ModbusConnection.ConnectFailed({ detail: "refused" }), "refused"]
  ])("%#: is told with what is known", (error, message) => {
    expect(error.message).toBe(message)
  })
})
