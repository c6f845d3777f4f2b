import { describe, expect, it } from "@effect/vitest"
import { Faults, Replay } from "@plantd/simulation"
import { Either } from "effect"
import { execFileSync } from "node:child_process"
import { fault } from "./planned.ts"

describe("a plan as text", () => {
  it("is the same plan when it is read", () => {
    const plan = Faults.planOf(Faults.swarm({ max: 6 }), 17, { nodes: 3, devices: 0 })
    expect(plan.length).toBeGreaterThan(0)
    const text = Replay.textOfPlan(plan)
    expect(text).not.toContain("\n")
    expect(Replay.planOf(text)).toEqual(Either.right(plan))
  })

  it.each(["", "{", "[1]", '[{"kind":"killed"}]'])("%j is none, and it is said why", (text) => {
    expect(Either.flip(Replay.planOf(text))).toMatchObject({
      right: expect.stringContaining("expected a plan of faults in JSON")
    })
  })

  it.each([
    [[{}, { kind: "kil" }], 'fault 2, kind: there is no kind of fault "kil"; did you mean kill?'],
    [[{ kind: "explode" }], 'there is no kind of fault "explode"; there are kill, powerLoss,'],
    [[{ strength: 2 }], "fault 1, strength: Expected a number between 0 and 1, actual 2"],
    [[{ node: undefined }], "fault 1, node: is missing"]
  ])("says where it is wrong, and what there is: %j", (changes, says) => {
    const fault = { kind: "kill", atMillis: 1, forMillis: 1, node: 0, other: 0, strength: 0 }
    const text = JSON.stringify(changes.map((change) => ({ ...fault, ...change })))
    expect(Either.flip(Replay.planOf(text))).toMatchObject({ right: expect.stringContaining(says) })
  })
})

describe("a command that runs a test again", () => {
  const commandOf = Replay.vitest({ file: "test/valve.test.ts", test: "it's one (of 2) $HOME" })

  it("names the seed, the file and the test", () => {
    const command = Replay.vitest({ file: "test/valve.test.ts", test: "a valve" })({ seed: 17 })
    expect(command).toBe("PLANTD_SEED=17 npx vitest run test/valve.test.ts -t 'a valve'")
  })

  it("is read by a shell as it was meant, whatever the test is called", () => {
    const plan = [fault("kill")]
    const command = commandOf({ seed: 17, plan }).replace("npx vitest run", "printf '%s\\n'")
    const printed = execFileSync("sh", ["-c", `${command}; echo "$PLANTD_PLAN"`], {
      encoding: "utf8"
    })
    const [file, flag, pattern = ""] = printed.split("\n")
    expect([file, flag]).toEqual(["test/valve.test.ts", "-t"])
    expect("a valve: it's one (of 2) $HOME").toMatch(new RegExp(pattern))
  })

  it("says that it is to be run twice, where it was", () => {
    expect(commandOf({ seed: 17, check: true })).toMatch(/^PLANTD_SEED=17 PLANTD_SIM_CHECK=1 npx /)
  })

  it("gives the plan where it is not the one of the seed", () => {
    expect(commandOf({ seed: 17, plan: [] })).toMatch(/^PLANTD_SEED=17 PLANTD_PLAN='\[\]' npx /)
    expect(commandOf({ seed: 17, plan: [fault("kill")] })).toContain(
      `PLANTD_PLAN='${Replay.textOfPlan([fault("kill")])}' `
    )
  })
})

it("a command that runs a scenario again names it, its seed and its plan", () => {
  const commandOf = Replay.simulate("durable-ledger")
  expect(commandOf({ seed: 3 })).toBe("plantd simulate --scenario durable-ledger --seeds 3")
  expect(commandOf({ seed: 3, plan: [] })).toBe(
    "plantd simulate --scenario durable-ledger --seeds 3 --plan '[]'"
  )
  expect(commandOf({ seed: 3, check: true })).toMatch(/ --seeds 3 --check$/)
})
