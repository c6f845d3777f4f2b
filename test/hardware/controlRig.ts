/** A node with pumps and its control, in one process, for tests of all of them together. */
import { Control, ControlClient, Link, NodeControl } from "@plantd/hardware"
import { Effect, Fiber, Layer } from "effect"
import { makePlant, Pump, serve } from "./pump.ts"
import { endpoints, runtime } from "./rig.ts"
import { simulated as virtual } from "./transports.ts"

export const endpoint = "tcp://127.0.0.1:5901"

interface Place {
  readonly control: string
  readonly commands: string
  readonly telemetry: string
}

/** A node with two pumps, of which p-1 has a device process, and a client of its control. */
export const rigAt = ({ control, ...place }: Place) =>
  Effect.gen(function*() {
    const plant = makePlant()
    const driver = yield* serve(plant, place)
    const nowhere = { commands: "tcp://127.0.0.1:59", telemetry: "tcp://127.0.0.1:60" }
    const pumps = Pump.toLayer({
      link: ({ config }) => Link.zmq(config),
      config: (id) => (id === "p-1" ? driver.endpoints : nowhere)
    })
    const devices = [{ type: Pump, ids: ["p-1", "p-2"] }]
    const context = yield* Layer.build(
      Control.layer({ node: "n-1", endpoint: control, devices }).pipe(
        Layer.provideMerge(pumps),
        Layer.provideMerge(runtime)
      )
    )
    return { context, driver, plant }
  })

export const connect = (control: string) =>
  Effect.map(
    ControlClient.connect({ actor: NodeControl.NodeControl, endpoint: control }),
    ({ client }) => client
  )

export const rig = Effect.gen(function*() {
  const { driver, plant } = yield* rigAt({ control: endpoint, ...endpoints })
  const client = yield* virtual.within(connect(endpoint))
  const link = yield* Effect.fork(
    Effect.repeat(client.ListDevices(), {
      until: ([first]) => first?.link?.state === "online" && first.state?.quality === "good"
    })
  )
  yield* virtual.within(Fiber.join(link))
  return { client, driver, plant }
})

export const { within } = virtual
