/**
 * What endpoints and messages a socket accepts: the same rules for real and simulated transports,
 * so that a mistake shows in the simulation already.
 */
import {
  type Frames,
  socketDefaults,
  type SocketOptions,
  type SocketSettings,
  TransportError
} from "../Transport.ts"

/** A path of a Unix domain socket may not be longer (sockaddr_un, unix(7)). In bytes. */
const ipcPathBytesMax = 107
const portMax = 65_535

const tcp = /^tcp:\/\/(\[[0-9a-fA-F:.%a-z]+\]|[^\s:/[\]]+):(\*|\d{1,5})$/
const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

const refuse = (options: SocketOptions, detail: string) =>
  new TransportError({
    operation: options.mode,
    endpoint: options.endpoint,
    reason: "invalid-endpoint",
    detail
  })

const refuseTcp = (options: SocketOptions): TransportError | undefined => {
  const [, host, port] = tcp.exec(options.endpoint) ?? []
  if (host === undefined || port === undefined) {
    return refuse(options, "not of the form tcp://host:port, for example tcp://127.0.0.1:5555")
  }
  if (port === "*" && options.mode === "connect") {
    return refuse(options, "a port * can only be bound; give the port that the peer has bound")
  }
  if (port !== "*" && (Number(port) < 1 || Number(port) > portMax)) {
    return refuse(options, `port ${port} is not between 1 and ${portMax}`)
  }
  if (host === "*" && options.mode === "connect") {
    return refuse(options, "a host * can only be bound; give the name or address of the peer")
  }
  if (options.mode === "bind" && options.allowRemote !== true && !loopback.test(host)) {
    return refuse(
      options,
      `${host} can be reached from other machines, and peers are not authenticated: bind `
        + "127.0.0.1, or set allowRemote: true on a network where every machine is trusted"
    )
  }
  return undefined
}

const refuseIpc = (options: SocketOptions): TransportError | undefined => {
  const bytes = new TextEncoder().encode(options.endpoint.slice("ipc://".length)).length
  return bytes >= 1 && bytes <= ipcPathBytesMax
    ? undefined
    : refuse(options, `the path is ${bytes} bytes long; 1 to ${ipcPathBytesMax} are possible`)
}

/** Why a socket cannot be opened at this endpoint, or nothing. */
export const refuseEndpoint = (options: SocketOptions): TransportError | undefined => {
  if (options.endpoint.startsWith("tcp://")) return refuseTcp(options)
  if (options.endpoint.startsWith("ipc://")) return refuseIpc(options)
  return refuse(options, "only tcp:// and ipc:// are supported")
}

/**
 * A lower `frameBytesMax` would refuse the handshake too: libzmq measures its commands by it, and
 * the longest, CURVE's INITIATE, has 257 bytes and some metadata (RFC 26/CURVEZMQ). In bytes.
 */
const frameBytesMin = 512
const settingMax = 2_147_483_647

/** The complete settings; throws where one is not a positive whole number (0 means no bound). */
export const settingsOf = (options: SocketOptions): SocketSettings => {
  const settings: SocketSettings = { ...socketDefaults, ...options.settings }
  for (const [name, value] of Object.entries(settings)) {
    const min = name === "frameBytesMax" ? frameBytesMin : 1
    if (!Number.isSafeInteger(value) || value < min || value > settingMax) {
      throw new Error(
        `${options.mode} ${options.endpoint}: setting ${name} must be a whole number of at `
          + `least ${min} (at most ${settingMax}), and is ${value}`
      )
    }
  }
  return settings
}

/** Why the peer would refuse this message, or nothing. `offset` frames in front do not count. */
export const refuseFrames = (
  frames: Frames,
  settings: SocketSettings,
  offset: number
): string | undefined => {
  const count = frames.length - offset
  if (count < 1) return offset > 0 ? "a routing id without a message" : "a message without frames"
  if (count > settings.framesMax) return `${count} frames; at most ${settings.framesMax}`
  for (let i = offset; i < frames.length; i++) {
    const bytes = frames[i]!.length
    if (bytes > settings.frameBytesMax) {
      return `a frame of ${bytes} bytes; at most ${settings.frameBytesMax}`
    }
  }
  return undefined
}
