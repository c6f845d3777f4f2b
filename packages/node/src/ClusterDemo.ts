/**
 * The demo on several nodes: each a process of `plantd node start` with the tank's actors, on one
 * file of SQLite, and beside them the tank's device process; all are children of this process,
 * which takes part in the cluster as a client. This file composes.
 */
import type { CommandExecutor } from "@effect/platform"
import * as FileSystem from "@effect/platform/FileSystem"
import { Cluster } from "@plantd/cluster"
import type { View } from "@plantd/cluster/LeaseStore"
import { TankStore } from "@plantd/example-tank"
import {
  Clock,
  Effect,
  ExecutionStrategy,
  Exit,
  Layer,
  Logger,
  LogLevel,
  Option,
  Scope
} from "effect"
import { createRequire } from "node:module"
import { join } from "node:path"
import * as ChildProcess from "./ChildProcess.ts"
import * as ClusterNode from "./ClusterNode.ts"
import * as ClusterRecord from "./ClusterRecord.ts"
import * as ClusterStage from "./ClusterStage.ts"
import { DemoBoard } from "./DemoBoard.ts"
import * as DemoRecord from "./DemoRecord.ts"
import * as DemoRun from "./DemoRun.ts"
import * as DemoScript from "./DemoScript.ts"
import * as DemoStage from "./DemoStage.ts"
import * as NodeConfig from "./NodeConfig.ts"
import * as NodeProcess from "./NodeProcess.ts"
import * as NodeReport from "./NodeReport.ts"
import * as TankProcess from "./TankProcess.ts"

/** How a demo is run, on how many nodes, and where it is shown. */
export interface Options extends DemoScript.DemoOptions, DemoRun.Options {
  readonly nodes: number
}

/** The most nodes of a demo, all of them on this machine. */
export const nodesMax = 8

/** With chaos somebody must be left to take over. */
export const nodesForChaosMin = 2

/**
 * How long the pump runs on when no node is heard, in s: longer than it takes until another node
 * has taken over, which is the lease (2 s) and what it takes to start the actors.
 */
const silence = 6

/** How long the nodes may take to start, in milliseconds. */
const startMillis = 60_000

/** Between two looks at who is up. */
const lookMillis = 250

interface Place {
  readonly directory: string
  readonly storage: string
  readonly commands: string
  readonly telemetry: string
}

const loopback = "127.0.0.1"

const placeOf = (directory: string) =>
  Effect.map(
    Effect.all([ChildProcess.freePort, ChildProcess.freePort]),
    ([commands, telemetry]): Place => ({
      directory,
      storage: join(directory, "cluster.db"),
      commands: `tcp://${loopback}:${commands}`,
      telemetry: `tcp://${loopback}:${telemetry}`
    })
  )

/**
 * Runs a demo to its end, or until it is interrupted; either way the summary is shown and all
 * processes are ended. Fails where a demo that came to its end was not fine.
 */
export const run = (
  options: Options
): Effect.Effect<
  void,
  DemoRun.DemoError,
  CommandExecutor.CommandExecutor | FileSystem.FileSystem
> =>
  Effect.gen(function*() {
    const fileSystem = yield* FileSystem.FileSystem
    const directory = yield* fileSystem.makeTempDirectoryScoped({ prefix: "plantd-demo-" })
    const place = yield* placeOf(directory)
    const board = new DemoBoard(yield* Effect.clock)
    const tank = yield* TankProcess.make({
      ...place,
      device: DemoStage.device,
      silence,
      onLine: (line) => board.tell(`tank process: ${line}`)
    })
    yield* tank.start
    yield* options.output.starting(`${options.nodes} nodes are started`)
    const reports = { totals: NodeReport.noTotals }
    const nodes = yield* startNodes(options.nodes, { board, place, reports })
    const client = { ...configOf(place, "demo"), weight: 0, port: yield* ChildProcess.freePort }
    const stats = Effect.sync(() => reports.totals.sum)
    const setting = {
      board,
      process: tank,
      stats,
      nodes,
      water: join(directory, TankStore.fileOf(DemoStage.device))
    }
    yield* Effect.provide(play(options, setting, place), clientLayer(client))
  }).pipe(Effect.scoped, Effect.mapError(DemoRun.asDemoError))

const configOf = ({ storage }: Place, name: string): NodeConfig.NodeConfig => ({
  ...NodeConfig.defaults,
  name,
  storage,
  // When the demo ends all end at once: nobody is left to take the shards.
  drain: "1s"
})

/** This process in the cluster; that no node is up yet is told otherwise than by its log. */
const clientLayer = (config: NodeConfig.NodeConfig) =>
  Layer.provide(ClusterNode.layer(config), Logger.minimumLogLevel(LogLevel.Fatal))

interface Starting {
  readonly board: DemoBoard
  readonly place: Place
  readonly reports: { totals: NodeReport.Totals }
}

const modules = () => {
  const { resolve } = createRequire(import.meta.url)
  return [resolve("@plantd/example-tank/tankNode"), resolve("@plantd/node/demoNode")]
}

/** Starts the nodes, which end at the same time when the scope closes. */
const startNodes = (
  count: number,
  { board, place, reports }: Starting
): Effect.Effect<
  ReadonlyArray<ClusterStage.Node>,
  ChildProcess.NoPort,
  CommandExecutor.CommandExecutor | Scope.Scope
> =>
  Effect.gen(function*() {
    const all = yield* Effect.acquireRelease(
      Scope.make(ExecutionStrategy.parallel),
      (scope) => Scope.close(scope, Exit.void)
    )
    const names = Array.from({ length: count }, (_, index) => `node-${index + 1}`)
    return yield* Effect.forEach(names, (name) =>
      Effect.gen(function*() {
        const port = yield* ChildProcess.freePort
        const process = yield* NodeProcess.make({
          config: { ...configOf(place, name), port, modules: modules() },
          environment: environmentOf(place, name),
          onLine: (line) => {
            const said = NodeReport.parse(line)
            if (said._tag === "Told") return board.tell(`${name}: ${said.text}`)
            if (said._tag === "Report") {
              reports.totals = NodeReport.add(reports.totals, name, said.counts)
            }
            return Effect.void
          }
        })
        yield* process.start
        return { name, address: `${loopback}:${port}`, process }
      }).pipe(Scope.extend(all)))
  })

const environmentOf = ({ commands, telemetry }: Place, name: string) => ({
  TANK_COMMANDS: commands,
  TANK_TELEMETRY: telemetry,
  TANK_SETPOINT: String(DemoScript.firstSetpoint),
  TANK_NODE: name,
  DEMO_PARENT: String(process.pid)
})

const play = (options: Options, setting: ClusterStage.Setting, { storage }: Place) =>
  Effect.gen(function*() {
    const { board, nodes } = setting
    yield* untilUp(setting)
    board.begin()
    yield* board.tell(`${nodes.map(({ name }) => name).join(", ")} are up`)
    yield* board.tell(`see them from another terminal: plantd cluster status --storage ${storage}`)
    yield* board.tell("operate the tank by any of them: plantd device list --node node-1")
    const stage = yield* ClusterStage.make(setting)
    yield* DemoRun.drive(options, {
      board,
      watches: stage.watches,
      acts: DemoScript.clusterActs(options),
      perform: stage.perform,
      moment: stage.moment,
      summary: Effect.map(stage.record, (record) =>
        ClusterRecord.summarize(
          DemoRecord.summarize(board.record, board.at, ClusterRecord.blindMillisMax),
          record,
          { nodes: options.nodes, chaos: options.chaos }
        ))
    })
  })

/** Waits until each node holds shards, all are held, and none has moved since the look before. */
const untilUp = ({ board, nodes }: ClusterStage.Setting) =>
  Effect.gen(function*() {
    const { view } = yield* Cluster
    const addresses = nodes.map(({ address }) => address)
    const until = (yield* Clock.currentTimeMillis) + startMillis
    let before: string | undefined
    for (;;) {
      // While many open it at once the store may be slow to answer; then it is asked again.
      const seen = yield* Effect.option(view)
      const share = Option.isSome(seen) ? shareOf(seen.value, addresses) : undefined
      if (share !== undefined && share === before) return
      before = share
      if ((yield* Clock.currentTimeMillis) > until) {
        const said = board.events.join("; ")
        const message = `the nodes were not up within ${startMillis / 1_000} s: ${said}`
        return yield* new DemoRun.DemoError({ message })
      }
      yield* Effect.sleep(lookMillis)
    }
  })

/** Who holds what, as a text, where each node holds shards and all are held; nothing else. */
const shareOf = (
  { holders, members }: View,
  addresses: ReadonlyArray<string>
): string | undefined => {
  const holding = new Set(holders.values())
  const sharing = members.filter(({ session }) => holding.has(session))
  const all = addresses.every((address) => sharing.some((member) => member.address === address))
  if (!all || holders.size !== NodeConfig.defaults.shards) return undefined
  const held = [...holders].map(([shard, session]) => `${shard} ${session}`)
  return held.toSorted((one, other) => one.localeCompare(other)).join()
}
