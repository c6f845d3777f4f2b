import { expect, it } from "@effect/vitest"
import * as DeviceMessage from "@plantd/hardware/DeviceMessage"
import { Schema } from "effect"

it("error codes of this version are told from others", () => {
  expect(DeviceMessage.isErrorCode("stale-fence")).toBe(true)
  expect(DeviceMessage.isErrorCode("from-the-future")).toBe(false)
})

it.each([
  [DeviceMessage.Hello, { protocol: [1.5] }, "protocol"],
  [DeviceMessage.Ready, { heartbeatMillis: 0 }, "heartbeatMillis"],
  [DeviceMessage.Read, { deadlineMs: -1 }, "deadlineMs"],
  [DeviceMessage.Write, { commandId: "" }, "commandId"],
  [DeviceMessage.Progress, { progress: 1.1 }, "progress"],
  [DeviceMessage.Alive, { hardware: "fine" }, "hardware"]
])("a field beyond its bounds is refused: %$", (body, fields, name) => {
  const schema: Schema.Schema.AnyNoContext = Schema.partial(body as Schema.Schema<object>)
  expect(() => Schema.decodeUnknownSync(schema)(fields)).toThrow(name)
})
