/** A node as a process: its cluster, its stores and its actors, as it was configured. */
import { PgClient } from "@effect/sql-pg"
import { SqliteClient } from "@effect/sql-sqlite-node"
import type { FileSystem } from "@effect/platform/FileSystem"
import type { SqlClient } from "@effect/sql/SqlClient"
import { ActorSystem, DurableMessages, Quarantine, Reminder } from "@plantd/actors"
import * as SqlDurableStore from "@plantd/actors/SqlDurableStore"
import * as SqlMessageStore from "@plantd/actors/SqlMessageStore"
import * as SqlRememberedStore from "@plantd/actors/SqlRememberedStore"
import * as SqlReminderStore from "@plantd/actors/SqlReminderStore"
import { Cluster, ClusterSystem } from "@plantd/cluster"
import { Monotonic } from "@plantd/core"
import { Control, ZmqTransport } from "@plantd/hardware"
import * as SqlDeviceStore from "@plantd/hardware/SqlDeviceStore"
import { Cause, Data, Effect, Layer, Redacted, Stream } from "effect"
import { closeSync, openSync, statSync } from "node:fs"
import { resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { NodeConfig } from "./NodeConfig.ts"
import * as ControlSocket from "./ControlSocket.ts"
import * as Span from "./Span.ts"

/** A module of actors cannot be loaded. */
export class ModuleInvalid extends Data.TaggedError("ModuleInvalid")<{
  readonly file: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.file}: ${this.detail}`
  }
}

/** The database cannot be opened. */
export class StorageUnavailable extends Data.TaggedError("StorageUnavailable")<{
  readonly storage: string
  readonly detail: string
}> {
  override get message(): string {
    return `the storage ${this.storage} cannot be opened: ${this.detail}`
  }
}

/** What keeps a node from starting. */
export type StartError = ClusterSystem.JoinError | ModuleInvalid | StorageUnavailable

const isPostgres = (storage: string): boolean => /^postgres(ql)?:\/\//.test(storage)

/** A storage as it may be shown: without its password, whatever characters that has. */
export const shown = (storage: string): string =>
  storage.replace(/(:\/\/[^:/@]*):.*@/, "$1:***@")
    .replaceAll(/([?&][^=&]*password=)[^&]*/gi, "$1***")

/** A server that says nothing for so long is not reached; its client would wait for ever. */
const connectTimeout = "5 seconds"

/**
 * Who reads the file of a database knows the secret of its cluster: it is made for its owner alone,
 * and SQLite gives the files beside it the same mode. One that is there is never opened: closing it
 * would give up the locks that this process has on it.
 */
const keptPrivate = (file: string): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (file === "" || file === ":memory:") return Effect.void
    const known = statSync(file, { throwIfNoEntry: false })
    if (known === undefined) return made(file)
    return (known.mode & othersRead) === 0 ? Effect.void : Effect.logWarning(
      `all users of this machine can read ${file}, and be nodes of its cluster:`
        + ` chmod o-rwx ${file}*`
    )
  })

const othersRead = 0o004

const made = (file: string): Effect.Effect<void> =>
  Effect.try(() => closeSync(openSync(file, "wx", 0o600))).pipe(
    // Another node was faster, or it cannot be made: SQLite says so then.
    Effect.ignore
  )

/** The database that a configuration names; a new file can be read by its owner alone. */
export const storage = (name: string): Layer.Layer<SqlClient, StorageUnavailable> => {
  if (/^[a-z][\w+.-]*:\/\//i.test(name) && !isPostgres(name)) {
    const detail = "expected a file of SQLite, or postgres://USER@HOST/NAME"
    return Layer.fail(new StorageUnavailable({ storage: shown(name), detail }))
  }
  const client: Layer.Layer<SqlClient, unknown> = isPostgres(name)
    ? PgClient.layer({ url: Redacted.make(name), connectTimeout })
    : Layer.unwrapEffect(Effect.as(keptPrivate(name), fileClient(name)))
  return Layer.catchAllCause(
    client,
    (cause) => Layer.fail(new StorageUnavailable({ storage: shown(name), detail: detailOf(cause) }))
  )
}

/** For so long, and so far apart, a file is opened anew that another node makes a database of. */
const lockedMillisMax = 5_000
const lockedMillis = 100

/** SQLite waits for no lock where it makes a new file one with a write-ahead log. */
const fileClient = (filename: string) =>
  Layer.unwrapEffect(
    Effect.map(Monotonic.currentMillis, (now) => openedUntil(filename, now + lockedMillisMax))
  )

const openedUntil = (
  filename: string,
  until: number
): ReturnType<typeof SqliteClient.layer> =>
  Layer.catchAllCause(SqliteClient.layer({ filename }), (cause) =>
    Layer.unwrapEffect(
      Effect.map(Monotonic.currentMillis, (now) => {
        const waits = now < until && detailOf(cause).includes("database is locked")
        if (!waits) return Layer.failCause(cause)
        const later = Effect.sync(() => openedUntil(filename, until))
        return Layer.unwrapEffect(Effect.delay(later, lockedMillis))
      })
    ))

const detailOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return inner instanceof Error ? inner.message : String(inner)
}

/** What the actors of a module may need. */
export type Surroundings =
  | ActorSystem
  | Cluster
  | Layer.Layer.Success<typeof SqlDurableStore.layer>
  | Layer.Layer.Success<typeof SqlRememberedStore.layer>
  | Layer.Layer.Success<typeof SqlReminderStore.layer>
  | Layer.Layer.Success<typeof Reminder.layer>
  | Quarantine.Quarantine
  | Layer.Layer.Success<typeof SqlDeviceStore.layer>
  | Layer.Layer.Success<typeof ZmqTransport.layer>
  | Control.Offers

type ActorsLayer = Layer.Layer<never, unknown, Surroundings>

const actorsOf = (file: string): Effect.Effect<ActorsLayer, ModuleInvalid> =>
  Effect.tryPromise({
    try: () => import(pathToFileURL(resolve(file)).href) as Promise<{ readonly default?: unknown }>,
    catch: (error) =>
      new ModuleInvalid({
        file,
        detail: (error instanceof Error ? error.message : String(error))
          + (file.includes(",") ? "; give --modules once for each" : "")
      })
  }).pipe(
    Effect.flatMap(({ default: actors }) =>
      Layer.isLayer(actors)
        ? Effect.succeed(actors as ActorsLayer)
        : new ModuleInvalid({ file, detail: "expected a Layer as its default export" })
    )
  )

const millis = (text: string) =>
  Span.parse(text).pipe((parsed) => parsed._tag === "Some" ? parsed.value : "2 seconds")

/**
 * A node with its actors, for as long as the layer lives. Its modules are imported before it joins:
 * what is not there, or is none, takes no shards from anybody.
 */
export const layer = (
  config: NodeConfig
): Layer.Layer<ActorSystem | Cluster, StartError, FileSystem> =>
  Layer.unwrapEffect(
    Effect.map(
      Effect.forEach(config.modules, loaded),
      (layers) =>
        nodeWith(
          config,
          layers.reduce<ActorsLayer>((all, next) => Layer.merge(all, next), Layer.empty)
        )
    )
  )

const nodeWith = (
  config: NodeConfig,
  actors: ActorsLayer
): Layer.Layer<ActorSystem | Cluster, StartError, FileSystem> => {
  const { host, listenHost, listenPort, port, shards, weight } = config
  const node = ClusterSystem.layer({
    host,
    listenHost,
    listenPort,
    port,
    shards,
    weight,
    lease: millis(config.lease),
    refresh: millis(config.refresh),
    handoff: millis(config.handoff),
    drain: millis(config.drain)
  })
  const delivery = Layer.mergeAll(
    DurableMessages.layer,
    Reminder.layer,
    Quarantine.Quarantine.layer
  )
  // What the modules offer is known once they are built.
  const operated = Layer.provide(operatedBy(config), actors)
  return Layer.merge(operated, told(config)).pipe(
    Layer.provide(Control.Offers.layer),
    Layer.provide(delivery),
    Layer.provideMerge(node),
    Layer.provide([
      SqlDurableStore.layer,
      SqlReminderStore.layer,
      SqlMessageStore.layer,
      SqlRememberedStore.layer,
      SqlDeviceStore.layer
    ]),
    Layer.provide(ZmqTransport.layer),
    Layer.provide(storage(config.storage))
  ) as Layer.Layer<ActorSystem | Cluster, StartError, FileSystem>
}

/** The actors of a module; what keeps them from starting is told in the module's name. */
const loaded = (file: string) =>
  Effect.map(
    actorsOf(file),
    (actors) =>
      Layer.catchAllCause(actors, (cause) =>
        Layer.fail(new ModuleInvalid({ file, detail: Cause.pretty(cause) })))
  )

/** The door for `plantd device`, where modules offer something; the node runs without it, too. */
const operatedBy = ({ name }: NodeConfig) =>
  Layer.unwrapEffect(
    Effect.map(Control.Offers, ({ all }) => {
      const devices = all()
      if (devices.length === 0) return Layer.empty
      return Layer.catchAll(
        ControlSocket.layer({ node: name, devices }),
        ({ message }) =>
          Layer.effectDiscard(Effect.logError(`plantd device cannot operate this node: ${message}`))
      )
    })
  )

/** Says what the node sees of its cluster, in its log. */
const told = (config: NodeConfig) =>
  Layer.scopedDiscard(
    Effect.gen(function*() {
      const { events, self } = yield* Cluster
      yield* Effect.forkScoped(
        Stream.runForEach(events, (event) =>
          Effect.annotateLogs(
            (event._tag === "Lost" ? Effect.logWarning : Effect.logInfo)(
              event._tag === "ShardsMoved"
                ? `node ${event.node.address} holds ${event.shards} shards`
                : `node ${event.node.address} ${event._tag.toLowerCase()}`
            ),
            { node: config.name }
          ))
      )
      yield* Effect.logInfo(
        `node ${config.name} is up at ${self.address}, on ${shown(config.storage)}`
      )
      if (config.modules.length === 0) {
        yield* Effect.logWarning(
          config.weight === 0
            ? "no modules are named (--modules): this node runs no actors, and takes no shards"
            : "no modules are named (--modules): actors that live on this node cannot run"
        )
      }
      yield* Effect.addFinalizer(() => Effect.logInfo(`node ${config.name} stops`))
    })
  )
