/** What runs as the device process: the packages as published, as in the process that asks. */
import { Effect } from "effect"
import { register } from "node:module"

register("../compiled.ts", import.meta.url)

const { main } = await import("./serve.ts")

await Effect.runPromise(main)
