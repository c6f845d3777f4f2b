/**
 * Where the control sockets of running nodes are, so that programs of the same user find them: one
 * file each, `<node>.<pid>.sock`, in a directory that nobody else can enter.
 */
import type { Error as PlatformError } from "@effect/platform"
import * as FileSystem from "@effect/platform/FileSystem"
import type { Actor, ActorSystem } from "@plantd/actors"
import {
  Control,
  ControlClient,
  type ControlError,
  NodeControl,
  type Transport
} from "@plantd/hardware"
import { Config, Data, Effect, Either, Layer, Option, type Scope } from "effect"
import { tmpdir } from "node:os"
import { isAbsolute, join } from "node:path"
import * as CurrentUser from "./CurrentUser.ts"

/** The directory for control sockets is not one of this user alone, or cannot be made. */
export class ControlDirectoryError extends Data.TaggedError("ControlDirectoryError")<{
  readonly directory: string
  readonly detail: string
}> {
  override get message(): string {
    return `${this.directory} cannot hold control sockets: ${this.detail}`
  }
}

/** Which node is to be operated cannot be told; nothing was asked. */
export class NodeUndecided extends Data.TaggedError("NodeUndecided")<{
  readonly message: string
}> {}

/** How long a node that is looked for may take to answer, in milliseconds. */
const probeMillis = 1_000

/** How many sockets are tried at a time. */
const probeConcurrency = 16

/** For this user alone: read, write, enter. */
const privateMode = 0o700
const othersMask = 0o077

/** Where sockets may be, the place for new ones first. */
const directories = Effect.gen(function*() {
  const fileSystem = yield* FileSystem.FileSystem
  const [runtime, temporary] = yield* Effect.orDie(Config.all([
    Config.option(Config.string("XDG_RUNTIME_DIR")),
    Config.withDefault(Config.string("TMPDIR"), tmpdir())
  ]))
  const shared = join(temporary, `plantd-${CurrentUser.id}`)
  if (Option.isNone(runtime) || !isAbsolute(runtime.value)) return [shared] as const
  // A session may have ended, and its directory with it, while the variable is still set.
  const there = yield* orFalse(fileSystem.exists(runtime.value))
  return there ? [join(runtime.value, "plantd"), shared] as const : [shared] as const
})

const orFalse = <R>(
  effect: Effect.Effect<boolean, PlatformError.PlatformError, R>
): Effect.Effect<boolean, never, R> => Effect.orElseSucceed(effect, () => false)

/** Why a directory is not fit: whoever can enter it could command devices, or pose as a node. */
const unfit = Effect.fnUntraced(function*(directory: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const isLink = yield* orFalse(Effect.as(fileSystem.readLink(directory), true))
  if (isLink) return "it is a symbolic link"
  const { mode, type, uid } = yield* fileSystem.stat(directory)
  if (type !== "Directory") return "it is not a directory"
  if (Option.exists(uid, (owner) => owner !== CurrentUser.id)) return "it belongs to another user"
  return (mode & othersMask) === 0
    ? undefined
    : `others can enter it; make it yours alone by chmod 700 ${directory}`
})

/** The directory for new sockets: made where there is none, refused where others can enter it. */
export const directory: Effect.Effect<string, ControlDirectoryError, FileSystem.FileSystem> = Effect
  .gen(function*() {
    const fileSystem = yield* FileSystem.FileSystem
    const [place] = yield* directories
    const fault = yield* Effect.zipRight(
      fileSystem.makeDirectory(place, { recursive: true, mode: privateMode }),
      unfit(place)
    ).pipe(Effect.catchAll((error) => Effect.succeed(error.message)))
    return fault === undefined
      ? place
      : yield* new ControlDirectoryError({ directory: place, detail: fault })
  })

/** Which devices a node offers to operators, and where, where nothing else is said. */
export interface Options {
  readonly node: string
  readonly devices: Control.Options["devices"]
  /** A file of this user's directory for control sockets by default. */
  readonly endpoint?: string | undefined
}

/** Serves the control of a node. */
export const layer = (
  options: Options
): Layer.Layer<
  Control.Control,
  ControlDirectoryError | Transport.TransportError,
  ActorSystem | Transport.Transport | FileSystem.FileSystem
> =>
  Layer.unwrapScoped(
    Effect.map(
      options.endpoint === undefined ? ownEndpoint(options.node) : Effect.succeed(options.endpoint),
      (endpoint) => Control.layer({ ...options, endpoint })
    )
  )

const ownEndpoint = Effect.fnUntraced(function*(node: string) {
  const files = yield* FileSystem.FileSystem
  const path = join(yield* directory, `${encodeURIComponent(node)}.${process.pid}.sock`)
  // ZeroMQ leaves the file where it is. That it is gone already is as well.
  yield* Effect.addFinalizer(() => Effect.ignore(files.remove(path)))
  return `ipc://${path}`
})

const socketName = /^(.+)\.(\d+)\.sock$/

/** A node's socket from the name of its file; nothing where it is another file. */
const socketOf = (place: string, name: string): ReadonlyArray<Socket> => {
  const [, written, pid] = socketName.exec(name) ?? []
  if (written === undefined || pid === undefined) return []
  const node = Either.getOrUndefined(Either.try(() => decodeURIComponent(written)))
  return node === undefined ? [] : [{ node, pid: Number(pid), path: join(place, name) }]
}

interface Socket {
  readonly node: string
  readonly pid: number
  readonly path: string
}

const socketsIn = Effect.fnUntraced(function*(place: string) {
  const fileSystem = yield* FileSystem.FileSystem
  const fault = yield* Effect.orElseSucceed(unfit(place), () => "it is not there")
  if (fault !== undefined) return []
  const names = yield* Effect.orElseSucceed(fileSystem.readDirectory(place), () => [])
  return names.flatMap((name) => socketOf(place, name))
})

const connectTo = (endpoint: string) =>
  ControlClient.connect({ actor: NodeControl.NodeControl, endpoint, timeout: probeMillis })

/** A connection to the control of a node. */
export type Connection = ControlClient.Connection<
  typeof NodeControl.NodeControl extends Actor.Actor<string, infer Rpcs> ? Rpcs : never
>

/** How an operator says which node is meant. */
export interface Choice {
  /** An endpoint; it is taken as it is. */
  readonly control?: string | undefined
  /** A node's name, or its process id. */
  readonly node?: string | undefined
}

/** A node that runs, as far as can be told; without a connection it does not answer. */
interface Candidate extends Socket {
  readonly connection: Option.Option<Connection>
}

/**
 * Connects to the node that is meant; where nothing is said, to the only one that runs. Files of
 * processes that are gone are removed on the way.
 */
export const connect = (
  choice: Choice
): Effect.Effect<
  Connection,
  NodeUndecided | ControlError.ControlUnreachable,
  FileSystem.FileSystem | Transport.Transport | Scope.Scope
> =>
  Effect.gen(function*() {
    if (choice.control !== undefined) return yield* connectTo(choice.control)
    const places = yield* directories
    const sockets = (yield* Effect.forEach(places, socketsIn)).flat()
    const running = (yield* Effect.forEach(sockets, probe, {
      concurrency: probeConcurrency
    })).flat()
    const meant = running.filter(({ node, pid }) =>
      choice.node === undefined || choice.node === node || choice.node === String(pid)
    )
    const [only, another] = meant
    if (only === undefined) return yield* none(choice, running, places)
    if (another !== undefined) return yield* several(meant)
    return yield* Option.match(only.connection, {
      onSome: Effect.succeed,
      onNone: () => undecided(`node ${nameOf(only)} runs, and does not answer`)
    })
  })

const probe = (
  socket: Socket
): Effect.Effect<
  ReadonlyArray<Candidate>,
  never,
  FileSystem.FileSystem | Transport.Transport | Scope.Scope
> =>
  Effect.flatMap(Effect.option(connectTo(`ipc://${socket.path}`)), (connection) => {
    if (Option.isSome(connection) || isAlive(socket.pid)) {
      return Effect.succeed([{ ...socket, connection }])
    }
    const removed = Effect.flatMap(FileSystem.FileSystem, (files) => files.remove(socket.path))
    // Another program may have removed it at the same time.
    return Effect.as(Effect.ignore(removed), [])
  })

/** Whether a process with this id exists; one of another user does. */
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (cause) {
    return cause instanceof Error && "code" in cause && cause.code === "EPERM"
  }
}

const undecided = (message: string) => Effect.fail(new NodeUndecided({ message }))

const nameOf = ({ node, pid }: Socket): string => `${node} (pid ${pid})`

const none = (
  { node }: Choice,
  running: ReadonlyArray<Socket>,
  places: ReadonlyArray<string>
) => {
  if (node !== undefined && running.length > 0) {
    const names = running.map(nameOf).join(", ")
    return undecided(`no running node is called ${JSON.stringify(node)}; there is ${names}`)
  }
  return undecided(
    `no running node was found in ${places.join(" or ")}`
      + "; start one that offers devices, for example by npm start,"
      + " or name its socket by --control"
  )
}

const several = (meant: ReadonlyArray<Socket>) =>
  undecided(
    `several nodes run: ${meant.map(nameOf).join(", ")}; choose one by --node and its name or pid`
  )
