/**
 * A node that controls the valve, its journal in a database file. It does what its arguments say,
 * one after another, says what came of each, and stays. With KILL=intended or KILL=sent it kills
 * itself by SIGKILL once that was stored of a command, with KILL=answered before its outcome is.
 *
 * node valveNode.ts FILE COMMANDS TELEMETRY [turn:ID | write:ID:VALUE | outcome:ID]...
 */
import { SqliteClient } from "@effect/sql-sqlite-node"
import { ActorSystem } from "@plantd/actors"
import {
  type CommandStatus,
  DeviceStore,
  type DeviceStoreService,
  Link,
  ZmqTransport
} from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Either, Layer, Logger, Stream } from "effect"
import { device, Valve } from "./valve.ts"

const [, , filename = "", commands = "", telemetry = "", ...deeds] = process.argv

const say = (line: object) =>
  Effect.sync(() => void process.stdout.write(`${JSON.stringify(line)}\n`))

const dies = (at: string) =>
  process.env["KILL"] === at
    ? Effect.zipRight(
      Effect.sync(() => void process.kill(process.pid, "SIGKILL")),
      Effect.never
    )
    : Effect.void

const mortal = (store: DeviceStoreService): DeviceStoreService => ({
  ...store,
  intend: (holder, intent) => Effect.tap(store.intend(holder, intent), () => dies("intended")),
  sent: (holder, command) => Effect.tap(store.sent(holder, command), () => dies("sent")),
  // Its answer has come, and dies with the node: between sent and outcome.
  settle: (holder, id, settlement) =>
    Effect.zipRight(dies("answered"), store.settle(holder, id, settlement))
})

const stored = Layer.effect(DeviceStore, Effect.map(DeviceStore, mortal)).pipe(
  Layer.provide(SqlDeviceStore.layer),
  Layer.provide(SqliteClient.layer({ filename }))
)

const node = Valve.toLayer({
  node: `node-${process.pid}`,
  link: ({ config }) =>
    Link.zmq({ ...config, timing: { retry: { min: 50, max: 200, factor: 2, jitter: 0 } } }),
  config: () => ({ commands, telemetry })
}).pipe(
  Layer.provide(ZmqTransport.layer),
  Layer.provideMerge(Layer.merge(ActorSystem.layer, stored))
)

/** Asks again and again until it is known what became of a command. */
const settled = <E>(
  outcome: Effect.Effect<CommandStatus.CommandStatus, E>
): Effect.Effect<CommandStatus.CommandStatus, E> =>
  Effect.flatMap(
    outcome,
    (status) =>
      status.state === "outcome-unknown" || status.state === "executing"
        ? Effect.delay(settled(outcome), "20 millis")
        : Effect.succeed(status)
  )

const main = Effect.gen(function*() {
  const valve = (yield* Valve.client)(device)
  yield* Effect.forkDaemon(
    Stream.runForEach(valve.linkChanges, ({ reason = "", state }) => say({ link: state, reason }))
  )
  yield* Stream.runHead(Stream.filter(valve.linkChanges, ({ state }) => state === "online"))
  yield* say({ ready: true })
  for (const deed of deeds) {
    const [what = "", commandId = "", value = ""] = deed.split(":")
    const done: Effect.Effect<object, { readonly _tag: string; readonly message: string }> =
      what === "outcome"
        ? settled(valve.journal.outcome(commandId))
        : what === "turn"
        ? Effect.as(valve.turn({ commandId }), { state: "answered" })
        : Effect.as(valve.write.opening(Number(value), { commandId }), { state: "answered" })
    const told = yield* Effect.either(done)
    const became = Either.match(told, {
      onLeft: ({ _tag, message }) => ({ error: _tag, message }),
      onRight: (known) => known
    })
    yield* say({ deed, ...became })
  }
  return yield* Effect.never
})

const log = Logger.replace(Logger.defaultLogger, Logger.none)
Effect.runFork(main.pipe(Effect.scoped, Effect.provide([node, log])))
