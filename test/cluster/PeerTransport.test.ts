import { describe, expect, it } from "@effect/vitest"
import { textOf } from "@plantd/cluster/PeerTransport"

const told = (...letters: ReadonlyArray<unknown>) =>
  textOf({ from: "a:1", session: "a", to: "b", link: 1, sequence: 1, sentAt: 0, letters })

const ask = (number: number) => [1, number, 5_000, "Pump", "p-1", "Dose", { batch: 3 }]

describe("what is said of a batch", () => {
  it("names the message, and none of what it carries", () => {
    expect(told(ask(7))).toBe("ask #7 Pump/p-1 Dose")
    expect(told([0, 1, "Pump", "p-1", "Stop", "secret"])).toBe("tell Pump/p-1 Stop")
    expect(told([12, 1, "Pump", "p-1", "Stop", "secret"])).toBe("back: tell Pump/p-1 Stop")
  })

  it("names the ask that is answered, and how", () => {
    expect(told([2, 7, 0, "secret"])).toBe("answer of #7")
    expect(told([2, 7, 1, "secret"])).toBe("error of #7")
    expect(told([2, 7, 2, "secret"])).toBe("refusal of #7")
    expect(told([3, 7])).toBe("#7 has moved")
    expect(told([4, 7])).toBe("nobody waits for #7")
  })

  it("names streams, watches, recalls and links that were given up", () => {
    expect(told([5, 7])).toBe("stream #7")
    expect(told([6, 7, ["a", "b"]])).toBe("2 values of #7")
    expect(told([7, 7, 0, undefined])).toBe("end of #7")
    expect(told([7, 7, 1, "secret"])).toBe("end of #7: error")
    expect(told([8, 7, 16])).toBe("room for 16 of #7")
    expect(told([9, 7, "Pump", "p-1"])).toBe("watch #7 Pump/p-1")
    expect(told([10, 7, "stopped"])).toBe("end of watch #7: stopped")
    expect(told([11, 7])).toBe("link 7 is given up")
    expect(told([13, 7, 31])).toBe("recall #7 of shard 31")
    expect(told([14, 7, 31])).toBe("recalled #7 of shard 31")
  })

  it("has three letters, and counts the others; what is no letter is called so", () => {
    expect(told(ask(1), "junk", ask(3), ask(4), ask(5))).toBe(
      "ask #1 Pump/p-1 Dose, what is no letter, ask #3 Pump/p-1 Dose and 2 more"
    )
    expect(told()).toBe("")
  })
})
