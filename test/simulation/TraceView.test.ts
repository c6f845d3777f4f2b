import { describe, expect, it } from "@effect/vitest"
import { TraceView } from "@plantd/simulation"
import { event, fault, report } from "./planned.ts"

const hostile = `<script>alert("x")</script>&'`

const events = [
  event(1, "node-0", "actor", "Started Valve/v-1"),
  event(2, "node-0", "message", "3 letters to node-1"),
  event(5_002, "world", "fault", "kill of node 0"),
  event(5_003, "node-1", "note", hostile)
]

const page = TraceView.html(`planned ${hostile}`, {
  ...report({ seed: 17, events, plan: [fault("kill")] }),
  verdict: "failed",
  violation: { check: `one ${hostile}`, detail: hostile, at: 5_003 },
  eventCount: 10
})

describe("the page of a run", () => {
  it("has a lane for each node, an arrow for each message, a mark for each fault", () => {
    for (const lane of ["node-0", "node-1", "world"]) {
      expect(page).toMatch(new RegExp(`class="lane"[^>]*>${lane}</span>`))
    }
    expect(page.match(/marker-end/g)).toHaveLength(1)
    expect(page.match(/<rect /g)).toHaveLength(1)
    expect(page).toContain("<title>2.000 ms, node-0, message: 3 letters to node-1</title>")
    expect(page).toContain(">5.0 s</text>") // nothing happened in between
  })

  it("tells what failed, with which faults, and what is not kept", () => {
    expect(page).toContain("<li>at 1000 ms: kill of node 0 for 8000 ms</li>")
    expect(page).toContain("10 events, of which the 6 oldest are not kept")
    expect(page).toContain('seed 17: <span class="failed">failed</span>')
  })

  it("lets nothing that was traced become a part of it", () => {
    expect(page).not.toContain("<script")
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;")
    expect(page.match(/<title>/g)).toHaveLength(1 + events.length)
  })

  it("needs nothing else, and is not let", () => {
    expect(page).not.toMatch(/\b(src|href)=|url\((?!#)|@import|https?:/)
    expect(page).toContain("default-src 'none'")
  })
})

it("a run in which nothing happened has a page too", () => {
  expect(TraceView.html("planned", report({ events: [], eventCount: 0 }))).toContain("passed")
})
