import { expect, it } from "@effect/vitest"
import { StandardOutput } from "@plantd/node"
import { Effect, Fiber } from "effect"
import { vi } from "vitest"

it.effect("a write has ended when the text is handed over", () =>
  Effect.gen(function*() {
    const handed: Array<string> = []
    const write = vi.spyOn(process.stdout, "write").mockImplementation((text, ...rest) => {
      handed.push(String(text))
      const done = rest.at(-1)
      if (typeof done === "function") done()
      return true
    })
    yield* StandardOutput.write("a text\n")
    write.mockRestore()
    expect(handed).toEqual(["a text\n"])
  }))

it.effect("a reader that is gone is noticed, and further writes do no harm", () =>
  Effect.gen(function*() {
    const gone = yield* Effect.fork(StandardOutput.readerGone)
    yield* Effect.yieldNow()
    const heard = process.stdout.listeners("error").at(-1) as (error: Error) => void
    heard(new Error("EPIPE"))
    heard(new Error("EPIPE"))
    process.stdout.removeListener("error", heard)
    expect(yield* Fiber.join(gone)).toBeUndefined()
  }))
