/** The `plantd` command in the process of a test. */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Cli } from "@plantd/node"
import { Console, Effect } from "effect"

/** Runs a command line; gives what it wrote to the console, and its failure where it failed. */
export const told = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const console = yield* Effect.console
    const kept: Console.Console = {
      ...console,
      log: (...texts) => Effect.sync(() => void lines.push(texts.join(" ")))
    }
    const failure = yield* Cli.run(args, "1.2.3").pipe(
      Effect.as(undefined),
      Effect.catchAll((error) => Effect.succeed(error)),
      Effect.withConsole(kept)
    )
    return { failure, output: lines.join("\n") }
  }).pipe(Effect.provide(NodeContext.layer))
