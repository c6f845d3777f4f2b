/** What was found of a driver, as text for people and as JSON for programs. */
import type { DriverCheck } from "@plantd/hardware"

/** How findings are shown. */
export interface DriverView {
  readonly finding: (finding: DriverCheck.Finding) => string
  readonly summary: (report: DriverCheck.Report) => string
}

const words = { Ok: "ok", Failed: "FAILED", Skipped: "skipped" } as const

const idWidth = 20

/** For a person: one line each. */
export const text: DriverView = {
  finding: ({ id, promise, result }) => {
    const line = `${words[result._tag].padEnd(7)}  ${id.padEnd(idWidth)}  ${promise}`
    switch (result._tag) {
      case "Ok":
        return line
      case "Failed":
        return oneLine(`${line} -- expected ${result.expected}, got ${result.got}`)
      case "Skipped":
        return oneLine(`${line} -- ${result.reason}`)
    }
  },
  summary: ({ attribute, device, fence, findings }) => {
    const { failed, ok, skipped } = counted(findings)
    const parts = [
      ...device === undefined ? [] : [`${device.id} (${device.type}), epoch ${device.epoch}`],
      `${findings.length} rules: ${ok} ok, ${failed} failed, ${skipped} skipped`,
      ...fence === undefined ? [] : [`its fence was ${fence.before} and is ${fence.after}`],
      ...attribute === undefined ? [] : [restoredOf(attribute)]
    ]
    return parts.join("; ")
  }
}

const restoredOf = ({ before, name, restored }: DriverCheck.Written): string =>
  restored
    ? `${name} is ${JSON.stringify(before)} again`
    : `${name} was written and NOT set back, look at it`

// A driver may say anything.
const oneLine = (told: string): string => told.replaceAll(/\p{Cc}+/gu, " ")

/** For programs: one object a line; `type` says what it is. */
export const json: DriverView = {
  finding: ({ id, promise, result: { _tag, ...result } }) =>
    JSON.stringify({ type: "rule", id, promise, result: _tag.toLowerCase(), ...result }),
  summary: ({ findings, ...report }) =>
    JSON.stringify({ type: "summary", ...counted(findings), ...report })
}

const counted = (findings: ReadonlyArray<DriverCheck.Finding>) => {
  const count = (tag: DriverCheck.Result["_tag"]) =>
    findings.filter(({ result }) => result._tag === tag).length
  return { ok: count("Ok"), failed: count("Failed"), skipped: count("Skipped") }
}
