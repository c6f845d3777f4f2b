/**
 * The device process of the valve: it says where it is served, and then each deed, so that a test
 * can count what was really done. A turn takes SLOW milliseconds. With FRAMES it tells
 * of each frame of the command path, as it comes and goes. Its epoch and its fence are kept
 * in the folder that it is given.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { DeviceProtocol, Driver, DriverStore, Transport, ZmqTransport } from "@plantd/hardware"
import { Effect, Either, Layer, Logger } from "effect"
import { device, Valve } from "./valve.ts"

const [, , directory = ""] = process.argv

const say = (line: object) =>
  Effect.sync(() => void process.stdout.write(`${JSON.stringify(line)}\n`))

const serve = Effect.gen(function*() {
  let [opening, turned] = [0, false]
  const driver = yield* Driver.serve(Valve, {
    read: { opening: Effect.sync(() => opening), turned: Effect.sync(() => turned) },
    write: {
      opening: (value: number) =>
        Effect.zipRight(
          say({ did: "write", value }),
          Effect.sync(() => {
            opening = value
          })
        )
    },
    commands: {
      turn: () =>
        Effect.zipRight(
          say({ did: "turn" }),
          Effect.delay(
            Effect.sync(() => {
              turned = true
            }),
            Number(process.env["SLOW"] ?? 0)
          )
        )
    }
  }, { device, commands: "tcp://127.0.0.1:*", telemetry: "tcp://127.0.0.1:*" })
  yield* say(driver.endpoints)
  return yield* Effect.never
})

/** Tells of the frames of the command path. */
const watched = (transport: Transport.TransportService): Transport.TransportService => ({
  open: (options) =>
    Effect.map(transport.open(options), (socket) =>
      options.kind !== "router" ? socket : {
        ...socket,
        receive: Effect.tap(socket.receive, ([, ...frames]) =>
          Either.match(DeviceProtocol.decodeRequest(frames), {
            onLeft: () =>
              Effect.void,
            onRight: ({ body, id, kind }) => say({ ...body, got: kind, request: hex(id) })
          })),
        send: ([peer = new Uint8Array(), ...frames]) =>
          Effect.zipRight(
            Either.match(DeviceProtocol.decodeAnswer(frames), {
              onLeft: () =>
                Effect.void,
              onRight: ({ body, id, kind }) => say({ ...body, sent: kind, request: hex(id) })
            }),
            socket.send([peer, ...frames])
          )
      })
})

const hex = (id: Uint8Array) => Buffer.from(id).toString("hex")

const transport = process.env["FRAMES"] === undefined
  ? ZmqTransport.layer
  : Layer.effect(Transport.Transport, Effect.map(Transport.Transport, watched)).pipe(
    Layer.provide(ZmqTransport.layer)
  )

const layers = Layer.merge(
  transport,
  Layer.provide(DriverStore.file(directory), NodeContext.layer)
)
const log = Logger.replace(Logger.defaultLogger, Logger.none)

Effect.runFork(serve.pipe(Effect.scoped, Effect.provide([layers, log])))
