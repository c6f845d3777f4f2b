// tsx openFiles.ts <directory> <count> <begin, in ms since 1970>
/** Opens new databases, one each 100 ms: another process does the same at the same moments. */
import { ClusterNode } from "@plantd/node"
import { Console, Effect, Layer } from "effect"

const [directory = "", count = "0", begin = "0"] = process.argv.slice(2)
const everyMillis = 100

// The last moment is waited for by looking at the clock: no timer is that exact.
const at = (millis: number) =>
  Effect.zipRight(
    Effect.sleep(Math.max(0, millis - 20 - Date.now())),
    Effect.sync(() => {
      while (Date.now() < millis);
    })
  )

const open = (index: number) =>
  Effect.zipRight(
    at(Number(begin) + index * everyMillis),
    Effect.scoped(Layer.build(ClusterNode.storage(`${directory}/${index}.db`)))
  ).pipe(Effect.catchAll((error) => Console.log(`${index}: ${error.message}`)))

const all = Effect.forEach(Array.from({ length: Number(count) }), (_, index) => open(index))
await Effect.runPromise(Effect.zipRight(all, Console.log("done")))
