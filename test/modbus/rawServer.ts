/** A Modbus server byte by byte, which answers as it is told and so can break the protocol. */
import { Effect } from "effect"
import { createServer, type Server, type Socket } from "node:net"

/** A request as it came. */
export interface RawRequest {
  readonly transaction: number
  readonly unit: number
  /** Function code and data. */
  readonly pdu: ReadonlyArray<number>
  readonly socket: Socket
}

/** Sends a reply to a request: function code and data, under its transaction or another one. */
export const reply = (
  { socket, transaction, unit }: RawRequest,
  pdu: ReadonlyArray<number>,
  under = transaction
): void => {
  const length = pdu.length + 1
  const header = [under >> 8, under & 0xff, 0, 0, length >> 8, length & 0xff, unit]
  socket.write(Buffer.from([...header, ...pdu]))
}

/** Listens on a port that the system chooses until the scope closes. */
export const listen = (onRequest: (request: RawRequest) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly server: Server; readonly sockets: Set<Socket> }>((resume) => {
        const sockets = new Set<Socket>()
        const server = createServer((socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
          socket.on("data", (bytes) => {
            onRequest({
              transaction: bytes.readUInt16BE(0),
              unit: bytes[6] ?? 0,
              pdu: [...bytes.subarray(7)],
              socket
            })
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.sync(() => {
          for (const socket of sockets) socket.destroy()
          server.close()
        })
    ),
    ({ server, sockets }) => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      return { target: { host: "127.0.0.1", port, unitId: 9 }, sockets }
    }
  )
