/** Drivers that break one rule each: what stands between them and the wire does them wrong. */
import { DeviceProtocol as Protocol, Transport } from "@plantd/hardware"
import { Effect, Either } from "effect"

type Body = Readonly<Record<string, unknown>>

/** What is done to messages on their way; each gives the body that goes on instead. */
export interface Defect {
  readonly request?: (kind: string, body: Body) => Body
  readonly answer?: (kind: string, body: Body) => Body
  /** Frames of a message that came, without the peer; nothing where it is swallowed. */
  readonly frames?: (frames: Transport.Frames) => Transport.Frames | undefined
  readonly sent?: (frames: Transport.Frames) => Transport.Frames
  readonly published?: (frames: Transport.Frames) => Transport.Frames | undefined
  /** An answer of its own to what came. */
  readonly retorts?: (kind: string) => Transport.Frames | undefined
}

/** The transport of a driver with a defect. */
export const defective = (
  transport: Transport.TransportService,
  defect: Defect
): Transport.TransportService => ({
  open: (options) =>
    Effect.map(transport.open(options), (socket) => {
      if (options.kind === "router") return routerOf(socket, defect)
      return options.kind === "pub" ? publisherOf(socket, defect) : socket
    })
})

const text = new TextDecoder()
const utf8 = new TextEncoder()

const publisherOf = (socket: Transport.Socket, { published }: Defect): Transport.Socket => ({
  ...socket,
  send: (frames) => {
    const sent = published === undefined ? frames : published(frames)
    return sent === undefined ? Effect.void : socket.send(sent)
  }
})

const routerOf = (socket: Transport.Socket, defect: Defect): Transport.Socket => {
  const came = ([peer = new Uint8Array(), ...message]: Transport.Frames) => {
    const frames = defect.frames === undefined ? message : defect.frames(message)
    if (frames === undefined) return undefined
    const decoded = Protocol.decodeRequest(frames)
    if (Either.isLeft(decoded)) return [peer, ...frames]
    const { body, id, kind } = decoded.right
    const changed = defect.request?.(kind, body)
    return changed === undefined
      ? [peer, ...frames]
      : [peer, ...Either.getOrThrow(Protocol.encode(kind, id, changed))]
  }
  const receive: Transport.Socket["receive"] = Effect.flatMap(socket.receive, (frames) => {
    const retort = defect.retorts?.(text.decode(frames[2]))
    const peer = frames[0] ?? new Uint8Array()
    const first = retort === undefined
      ? Effect.void
      // Who said BYE may be gone.
      : Effect.ignore(socket.send([peer, ...retort]))
    const message = came(frames)
    return Effect.zipRight(first, message === undefined ? receive : Effect.succeed(message))
  })
  return {
    ...socket,
    receive,
    send: ([peer = new Uint8Array(), ...message]) => {
      const { body, id, kind } = Either.getOrThrow(Protocol.decodeAnswer(message))
      const frames = Either.getOrThrow(
        Protocol.encode(kind, id, defect.answer?.(kind, body as Body) ?? body)
      )
      return socket.send([peer, ...defect.sent?.(frames) ?? frames])
    }
  }
}

const isOf = (body: Body, field: string, ...values: ReadonlyArray<unknown>): boolean =>
  values.includes(body[field])

/** The defects by what they make a driver do, and the one rule that it breaks then. */
export const defects: Readonly<Record<string, Defect & { readonly rule: string }>> = {
  "has the epoch 0": {
    rule: "handshake",
    answer: (kind, body) => kind === "READY" ? { ...body, epoch: 0 } : body
  },
  "wants to be told what it is": {
    rule: "hello-anonymous",
    request: (kind, body) =>
      kind === "HELLO" && !("description" in body) ? { ...body, description: {} } : body
  },
  "takes any description": {
    rule: "description-mismatch",
    request: (kind, body) => kind === "HELLO" ? { ...body, description: null } : body
  },
  "serves whatever device is wanted": {
    rule: "device-mismatch",
    request: (kind, body) => kind === "HELLO" ? { ...body, device: null } : body
  },
  "does not look at the versions": {
    rule: "version-hello",
    request: (kind, body) => kind === "HELLO" ? { ...body, protocol: [1] } : body
  },
  "takes messages of PDP2": {
    rule: "version-frame",
    frames: ([first, ...rest]) =>
      first !== undefined && text.decode(first) === "PDP2"
        ? [utf8.encode("PDP1"), ...rest]
        : [...first === undefined ? [] : [first], ...rest]
  },
  "takes ids for text": {
    rule: "ids",
    sent: ([magic, kind, id, body]) =>
      [magic, kind, utf8.encode(text.decode(id)).subarray(0, 32), body] as Transport.Frames
  },
  "answers BYE": {
    rule: "bye",
    retorts: (kind) =>
      kind === "BYE"
        ? Either.getOrThrow(Protocol.encode("BYE", Protocol.idOf("bye"), {}))
        : undefined
  },
  "carries out what is too old": {
    rule: "deadline-write",
    request: (kind, body) => kind === "WRITE" ? { ...body, deadlineMs: 1e9 } : body
  },
  "looks at the fence in HELLO alone": { rule: "fence-write", ...fenceOfHelloAlone() },
  "forgets that it has carried out a command": { rule: "duplicate", ...forgetful() },
  "takes a commandId for another command too": {
    rule: "duplicate-mismatch",
    request: (kind, body) =>
      kind === "WRITE"
        ? { ...body, commandId: `${String(body["commandId"])}:${String(body["value"])}` }
        : body
  },
  "says that what cannot be written does not exist": {
    rule: "not-writable",
    answer: (kind, body) =>
      kind === "ERROR" && isOf(body, "code", "not-writable")
        ? { ...body, code: "unknown-attribute" }
        : body
  },
  "makes numbers of truth values": {
    rule: "value-type",
    request: (kind, body) =>
      kind === "WRITE" && body["value"] === true ? { ...body, value: 1 } : body
  },
  "answers READ in the order of its own": {
    rule: "read-some",
    answer: (kind, body) =>
      kind === "REPLY" && Array.isArray(body["readings"])
        ? { ...body, readings: body["readings"].toSorted(([a], [b]) => Number(a) - Number(b)) }
        : body
  },
  "remembers what it refused": { rule: "refused-again", ...resentful() },
  "publishes no sign of life": { rule: "telemetry", published: () => undefined },
  "publishes under another topic": {
    rule: "telemetry",
    published: ([, ...rest]) => [utf8.encode("p-1/readings"), ...rest]
  },
  "is ended by a body that is nested deep": { rule: "garbage-depth", ...fragile() }
}

function fenceOfHelloAlone(): Defect {
  let highest = 0
  return {
    request: (kind, body) => {
      if (kind !== "HELLO" && kind !== "WRITE") return body
      highest = Math.max(highest, Number(body["fence"]))
      return kind === "WRITE" ? { ...body, fence: highest } : body
    }
  }
}

function forgetful(): Defect {
  const seen = new Map<string, unknown>()
  let again = 0
  return {
    request: (kind, body) => {
      if (kind !== "WRITE") return body
      const id = String(body["commandId"])
      const known = seen.has(id)
      const isSame = seen.get(id) === body["value"]
      seen.set(id, body["value"])
      // What is asked for late is remembered, so that no other rule is broken.
      const isFresh = body["deadlineMs"] !== 1_000
      return known && isSame && isFresh ? { ...body, commandId: `${id}#${++again}` } : body
    }
  }
}

function resentful(): Defect {
  const late = new Set<unknown>()
  return {
    request: (kind, body) => {
      if (kind !== "WRITE") return body
      const wasLate = late.has(body["commandId"])
      if (body["deadlineMs"] === 1_000) late.add(body["commandId"])
      return wasLate ? { ...body, deadlineMs: -0, sentAt: Number(body["sentAt"]) - 60_000 } : body
    }
  }
}

function fragile(): Defect {
  let ended = false
  return {
    frames: (frames) => {
      ended ||= (frames[3]?.length ?? 0) > 10_000
      return ended ? undefined : frames
    }
  }
}
