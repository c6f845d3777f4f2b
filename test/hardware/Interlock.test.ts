import { describe, expect, it } from "@effect/vitest"
import { Interlock } from "@plantd/hardware"

const reading = (value: number | boolean | string | null, quality = "good") =>
  ({ value, quality }) as Parameters<typeof Interlock.judge>[1]

describe("an interlock", () => {
  it.each(
    [
      [{ attribute: "level", above: 3 }, reading(3), "clear"],
      [{ attribute: "level", above: 3 }, reading(3.1), "tripped"],
      [{ attribute: "level", below: 3 }, reading(3), "clear"],
      [{ attribute: "level", below: 3 }, reading(2.9), "tripped"],
      [{ attribute: "open", equals: true }, reading(true), "tripped"],
      [{ attribute: "open", equals: true }, reading(false), "clear"],
      [{ attribute: "state", equals: ["fault", "off"] }, reading("off"), "tripped"],
      [{ attribute: "state", equals: ["fault", "off"] }, reading("ready"), "clear"]
    ] as const
  )("with the condition %o says of %o: %s", (condition, value, verdict) => {
    expect(Interlock.judge(condition, value)).toBe(verdict)
  })

  it.each(["uncertain", "stale", "bad"])("cannot judge a value that is %s", (quality) => {
    expect(Interlock.judge({ attribute: "level", above: 3 }, reading(1, quality))).toBe("unknown")
  })

  it.each([["uncertain", "tripped"], ["stale", "unknown"], ["bad", "unknown"]])(
    "a value beyond the limit that is %s: %s",
    (quality, verdict) => {
      expect(Interlock.judge({ attribute: "level", above: 3 }, reading(9, quality))).toBe(verdict)
    }
  )

  it("cannot judge what was never read", () => {
    expect(Interlock.judge({ attribute: "level", above: 3 }, undefined)).toBe("unknown")
  })

  it.each(
    [
      [{ attribute: "level", above: 3 }, "level is above 3"],
      [{ attribute: "level", below: 3 }, "level is below 3"],
      [{ attribute: "state", equals: ["fault", "off"] }, "state is fault or off"]
    ] as const
  )("names its condition in words", (condition, text) => {
    expect(Interlock.describe(condition)).toBe(text)
  })
})

describe("a fault in an interlock names the field", () => {
  const members = {
    attributes: { level: { type: "number" }, open: { type: "boolean" } },
    targets: ["fill", "write.flow"],
    plainCommands: ["stop"]
  }
  const sound: Interlock.Interlock = {
    id: "full",
    when: { attribute: "level", above: 3 },
    blocks: ["fill"]
  }
  it.each(
    [
      [{}, undefined],
      [{ blocks: ["write.flow"], onTrip: "stop" }, undefined],
      [{ id: "" }, "id: expected a name"],
      [
        { when: { attribute: "leval", above: 3 } },
        'when.attribute: the device has no attribute "leval"'
      ],
      [
        { when: { attribute: "level", above: NaN } },
        "when.above: expected a finite number, got NaN"
      ],
      [
        { when: { attribute: "open", below: 3 } },
        "when.below: the attribute is a boolean, and no number"
      ],
      [
        { when: { attribute: "open", equals: 3 } },
        "when.equals: expected a boolean, got 3"
      ],
      [{ when: { attribute: "open", equals: [] } }, "when.equals: expected at least one value"],
      [{ blocks: [] }, "blocks: expected at least one command, or an onTrip"],
      [{ blocks: ["fil"] }, 'blocks: "fil" is none of fill, write.flow'],
      [{ onTrip: "fill" }, 'onTrip: "fill" is no command without a payload']
    ] as ReadonlyArray<[Partial<Interlock.Interlock>, string | undefined]>
  )("%o", (change, fault) => {
    expect(Interlock.fault({ ...sound, ...change }, members)).toBe(fault)
  })
})
