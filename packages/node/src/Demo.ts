/**
 * The demo: a node with a device actor and a level controller, and the tank's device process as a
 * child. This file composes; what happens when is in `DemoScript`, what is watched and done in
 * `DemoStage`, what it has shown in `DemoRecord`, how it looks in `DemoView`, the course of it in
 * `DemoRun`. The demo on several nodes is `ClusterDemo`.
 */
import type { CommandExecutor } from "@effect/platform"
import * as FileSystem from "@effect/platform/FileSystem"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { ActorSystem } from "@plantd/actors"
import { LevelController, Tank } from "@plantd/example-tank"
import { Link, type Transport, ZmqTransport } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Effect, Layer } from "effect"
import * as ChildProcess from "./ChildProcess.ts"
import * as ControlSocket from "./ControlSocket.ts"
import { DemoBoard } from "./DemoBoard.ts"
import type { DemoOutput } from "./DemoOutput.ts"
import * as DemoRecord from "./DemoRecord.ts"
import * as DemoRun from "./DemoRun.ts"
import * as DemoScript from "./DemoScript.ts"
import * as DemoStage from "./DemoStage.ts"
import * as TankProcess from "./TankProcess.ts"

/** How a demo is run, and where it is shown. */
export interface Options extends DemoScript.DemoOptions {
  readonly output: DemoOutput
}

/** What a demo needs of the system it runs on. */
export type Needs = CommandExecutor.CommandExecutor | FileSystem.FileSystem

/** Where the tank process listens. */
interface Endpoints {
  readonly commands: string
  readonly telemetry: string
}

/**
 * Runs a demo to its end, or until it is interrupted; either way the summary is shown, the actors
 * are drained and the tank process is ended. Fails where a demo that came to its end was not fine.
 */
export const run = (
  options: Options
): Effect.Effect<void, DemoRun.DemoError, Needs> =>
  Effect.gen(function*() {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped({ prefix: "plantd-demo-" })
    const endpoints = {
      commands: `tcp://127.0.0.1:${yield* ChildProcess.freePort}`,
      telemetry: `tcp://127.0.0.1:${yield* ChildProcess.freePort}`
    }
    const board = new DemoBoard(yield* Effect.clock)
    const tank = yield* TankProcess.make({
      device: DemoStage.device,
      directory,
      onLine: (line) => board.tell(`tank process: ${line}`),
      ...endpoints
    })
    yield* tank.start
    yield* Effect.provide(play(options, board, tank), nodeLayer(endpoints, directory, board))
  }).pipe(Effect.scoped, Effect.mapError(DemoRun.asDemoError))

/** The name of the node, for its device process and for operators. */
const node = "demo"

/** The node: a runtime for actors, the tank's device actor and level controller, its control. */
const nodeLayer = (
  endpoints: Endpoints,
  directory: string,
  board: DemoBoard
): Layer.Layer<ActorSystem, SqlDeviceStore.OpenError, FileSystem.FileSystem> => {
  const device = Tank.Tank.toLayer({
    node,
    config: () => endpoints,
    link: ({ config }) => Link.zmq(config)
  })
  const controller = LevelController.layer({ setpoint: DemoScript.firstSetpoint })
  const runtime = Layer.mergeAll(ActorSystem.layer, storeLayer(directory), ZmqTransport.layer)
  return Layer.mergeAll(device, controller, controlLayer(board)).pipe(Layer.provideMerge(runtime))
}

/** The fence, journal and alarms of the tank, beside what its device process keeps. */
const storeLayer = (directory: string) =>
  Layer.provide(
    SqlDeviceStore.layer,
    // It reads no `Config` that could be wrong.
    Layer.orDie(SqliteClient.layer({ filename: `${directory}/devices.db` }))
  )

/** For `plantd device` in another terminal. A demo without it shows all that a demo shows. */
const controlLayer = (
  board: DemoBoard
): Layer.Layer<never, never, ActorSystem | Transport.Transport | FileSystem.FileSystem> => {
  const devices = [{ type: Tank.Tank, ids: [DemoStage.device] }]
  const told = (text: string) => Layer.effectDiscard(board.tell(text))
  return ControlSocket.layer({ node, devices }).pipe(
    Layer.tap(() => board.tell("operate it from another terminal: plantd device list")),
    Layer.catchAll((error) => told(`it cannot be operated from outside: ${error.message}`))
  )
}

/** What is watched and done on one node. */
const play = (options: Options, board: DemoBoard, tank: TankProcess.TankProcess) =>
  Effect.gen(function*() {
    const { stats } = yield* ActorSystem
    const stage = yield* DemoStage.make({ board, process: tank, stats })
    return yield* DemoRun.drive(options, {
      board,
      watches: [stage.watchLevel, stage.watchLink],
      acts: DemoScript.acts(options),
      perform: stage.perform,
      moment: stage.moment,
      summary: Effect.sync(() => DemoRecord.summarize(board.record, board.at))
    })
  })
