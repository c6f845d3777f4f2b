import { expect, it } from "@effect/vitest"
import { NodeControl } from "@plantd/hardware"
import { Schema } from "effect"

it("an error lists the names that there are, and of many the first", () => {
  const devices = Array.from({ length: 30 }, (_, n) => `d-${n}`)
  const { message } = new NodeControl.DeviceUnknown({ node: "n", device: "x", devices })
  expect(message).toContain(
    `${devices.slice(0, NodeControl.namesListedMax).join(", ")} and 18 more`
  )
  expect(new NodeControl.DeviceUnknown({ node: "n", device: "x", devices: [] }).message).toContain(
    "(devices: none)"
  )
})

it("a value is a text or data, and never both or neither", () => {
  const decode = Schema.decodeUnknownEither(NodeControl.Given)
  expect(decode({ text: "5" })).toMatchObject({ right: { text: "5" } })
  expect(decode({ value: null })).toMatchObject({ right: { value: null } })
  expect(decode({})).toMatchObject({ _tag: "Left" })
})

it("names and waits are bounded", () => {
  const read = NodeControl.NodeControl.protocol.requests.get("Read")!
  const decode = Schema.decodeUnknownEither(read.payloadSchema as Schema.Schema<unknown>)
  const asked = { device: "d", attributes: ["a"], known: false }
  expect(decode(asked)).toMatchObject({ _tag: "Right" })
  for (
    const wrong of [
      { device: "d".repeat(129) },
      { attributes: ["a".repeat(129)] },
      { timeoutMillis: 0 },
      { timeoutMillis: 86_400_001 }
    ]
  ) expect(decode({ ...asked, ...wrong })).toMatchObject({ _tag: "Left" })
})
