/** `plantd cluster`: shows who is a member of a cluster, and empties a node. */
import { Args, Command, Options } from "@effect/cli"
import { FileSystem } from "@effect/platform"
import type { DurableError } from "@plantd/actors"
import { LeaseStore, SqlLeaseStore } from "@plantd/cluster"
import type { Member, View } from "@plantd/cluster/LeaseStore"
import { NearestName } from "@plantd/core"
import { Clock, Data, Effect, Layer } from "effect"
import * as ClusterNode from "./ClusterNode.ts"
import * as NodeCommand from "./NodeCommand.ts"
import * as NodeConfig from "./NodeConfig.ts"
import * as TextTable from "./TextTable.ts"

/** The options that need a value. */
export const valued = ["--config", "--storage"]

const names = ["status", "drain"]

/** What is wrong with a command line whose subcommand is none; nothing where another fault is. */
export const fault = ([command, name]: ReadonlyArray<string>): string | undefined =>
  command !== "cluster" || name === undefined || name.startsWith("-") || names.includes(name)
    ? undefined
    : `there is no plantd cluster ${name}, only ${names.join(", ")}`

/** What was asked for cannot be done. */
export class ClusterRefused extends Data.TaggedError("ClusterRefused")<{
  readonly message: string
}> {}

/** What a command on a cluster can fail with. */
export type Failure =
  | ClusterRefused
  | NodeConfig.ConfigInvalid
  | ClusterNode.StorageUnavailable
  | SqlLeaseStore.OpenError
  | DurableError.StoreUnavailable

/** Writes text to standard output, or to what stands for it. */
export type Write = (text: string) => Effect.Effect<void>

const where = { config: NodeCommand.fileOption, storage: NodeCommand.storageOption }

const json = Options.boolean("json").pipe(
  Options.withDescription("One JSON object a line on standard output.")
)

interface Where {
  readonly config: string | undefined
  readonly storage: string | undefined
}

const onStore = <A, E>(
  { config: file, storage }: Where,
  body: Effect.Effect<A, E, LeaseStore>
): Effect.Effect<A, E | Failure, FileSystem.FileSystem> =>
  Effect.flatMap(
    NodeConfig.load({ file, environment: process.env, flags: { storage } }),
    ({ storage }) =>
      Effect.zipRight(
        isThere(storage),
        Effect.provide(body, Layer.provide(SqlLeaseStore.layer, ClusterNode.storage(storage)))
      )
  )

/** A file that is not there has no cluster, and must not be made by a look at it. */
const isThere = (storage: string) =>
  Effect.gen(function*() {
    if (/:/.test(storage)) return
    const files = yield* FileSystem.FileSystem
    if (yield* Effect.orElseSucceed(files.exists(storage), () => true)) return
    return yield* new ClusterNode.StorageUnavailable({ storage, detail: "it does not exist" })
  })

/** What a member is at: it may be a row that nobody renews any more. A client runs no actors. */
export const stateOf = (
  { draining, leaseLeft, weight }: Member
): "up" | "client" | "draining" | "lost" => {
  if (leaseLeft <= 0) return "lost"
  if (draining) return "draining"
  return weight === 0 ? "client" : "up"
}

const shardsOf = ({ holders }: View, { session }: Member): number =>
  [...holders.values()].filter((holder) => holder === session).length

const columns: ReadonlyArray<TextTable.Column> = [
  { title: "NODE" },
  { title: "STATE" },
  { title: "SHARDS", align: "right" },
  { title: "WEIGHT", align: "right" },
  { title: "LEASE", align: "right" },
  { title: "UP", align: "right" }
]

/** Seconds, minutes or hours, whichever reads best. */
const spanOf = (millis: number): string => {
  const seconds = Math.max(0, Math.round(millis / 1_000))
  if (seconds < 120) return `${seconds} s`
  return seconds < 7_200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}

/** The lines of a status. */
export const table = (view: View, now: number): ReadonlyArray<string> =>
  view.members.length === 0 ? ["no node is a member of this cluster"] : TextTable.lines(
    columns,
    view.members.map((member) => [
      member.address,
      stateOf(member),
      `${shardsOf(view, member)}`,
      `${member.weight}`,
      `${Math.max(0, Math.round(member.leaseLeft))} ms`,
      spanOf(now - member.startedAt)
    ])
  )

const status = (write: Write) =>
  Command.make("status", { ...where, json }, ({ json, ...place }) =>
    onStore(
      place,
      Effect.gen(function*() {
        const view = yield* (yield* LeaseStore).view
        const now = yield* Clock.currentTimeMillis
        const lines = json
          ? view.members.map((member) =>
            JSON.stringify({
              type: "node",
              ...member,
              state: stateOf(member),
              shards: shardsOf(view, member)
            })
          )
          : table(view, now)
        yield* write(lines.map((line) => `${line}\n`).join(""))
      })
    )).pipe(
      Command.withDescription("Shows the nodes of a cluster, and how many shards each holds.")
    )

const lookMillis = 100

/** Waits until a node holds nothing any more, or is gone. */
const emptied = (address: string): Effect.Effect<void, DurableError.StoreUnavailable, LeaseStore> =>
  Effect.flatMap(LeaseStore, (store) =>
    Effect.flatMap(store.view, (view) => {
      const member = view.members.find((other) => other.address === address)
      return member === undefined || shardsOf(view, member) === 0
        ? Effect.void
        : Effect.delay(emptied(address), lookMillis)
    }))

const drain = (write: Write) =>
  Command.make(
    "drain",
    {
      node: Args.text({ name: "NODE" }).pipe(
        Args.withDescription("Its address, as `plantd cluster status` shows it.")
      ),
      ...where
    },
    ({ node, ...place }) =>
      onStore(
        place,
        Effect.gen(function*() {
          const store = yield* LeaseStore
          const { members } = yield* store.view
          const known = members.map(({ address }) => address)
          const others = members.filter((member) =>
            member.address !== node && stateOf(member) === "up"
          )
          if (!known.includes(node)) {
            const near = NearestName.of(node, known)
            const meant = near === undefined
              ? `there is ${known.join(", ") || "none"}`
              : `did you mean ${near}?`
            return yield* new ClusterRefused({
              message: `no node has the address ${node}; ${meant}`
            })
          }
          if (members.some((member) => member.address === node && stateOf(member) === "lost")) {
            const message = `${node} is lost, its lease is over: there is nothing to drain`
            return yield* new ClusterRefused({ message })
          }
          if (others.length === 0) {
            const message = `no other node is up that could take the actors of ${node}`
            return yield* new ClusterRefused({ message })
          }
          yield* store.drain(node)
          yield* emptied(node)
          yield* write(`${node} holds no shards any more; it can be stopped\n`)
        })
      )
  ).pipe(
    Command.withDescription(
      "Moves the actors of a node to the others; it takes none until it is started anew."
    )
  )

/** `plantd cluster`. */
export const make = (write: Write) =>
  Command.make("cluster").pipe(
    Command.withDescription("Shows the nodes of a cluster, and empties one of them."),
    Command.withSubcommands([status(write), drain(write)])
  )
