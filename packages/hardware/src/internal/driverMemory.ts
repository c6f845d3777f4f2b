/**
 * The commands that a device process was given lately, by their commandId, so that none is carried
 * out twice: those under way, and the answers of those that ended. Plain code, as it runs for each
 * command.
 */
import { createHash } from "node:crypto"
import type { Fence } from "@plantd/core"
import type * as Protocol from "../DeviceProtocol.ts"
import type { Frames } from "../Transport.ts"
import type { Session } from "./driverSessions.ts"
import type { Asker } from "./driverState.ts"
import { equalBytes } from "./frameText.ts"

/** A request to act. */
export type CommandRequest = Extract<Protocol.Request, { kind: "WRITE" | "INVOKE" }>

/** By what a command is allowed: the newest message that asked for it. */
export interface Standing {
  readonly fence: Fence.Fence
  readonly session: Session
  /** By the driver's clock. */
  readonly expiresAt: number
  /** How often the device had been made safe when the message was received. */
  readonly silences: number
}

/** What a command asks for. */
export interface Content {
  /** For people: `WRITE speed`. */
  readonly title: string
  /** Equal where kind, name and value or payload are, whatever bytes they were sent as. */
  readonly key: string
}

/** A command that waits for its turn or is being carried out. */
export interface Underway {
  readonly request: CommandRequest
  readonly content: Content
  /** All that wait for its answer, the newest last. */
  readonly askers: Array<Asker>
  standing: Standing
  /** Once its handler runs: how often the device had been made safe when it began. */
  begunAfter: number | undefined
}

interface Ended {
  readonly content: Content
  /** The answer, with whatever id. */
  readonly answer: Frames
}

/** What is known of a commandId. */
export type Known =
  | { readonly _tag: "Other"; readonly content: Content }
  | { readonly _tag: "Underway"; readonly command: Underway }
  | { readonly _tag: "Ended"; readonly answer: Frames }

/** Which frame of an answer is the id of its request. */
export const idFrame = 2

/** Messages that wait for the answer of one command; beyond it the oldest is left without one. */
export const askersMax = 8

/** The fewest commands to remember: what the protocol lets a node rely on. */
export const commandsRememberedMin = 256

/** The longest text of a content that is kept as it is; a longer one is kept as its digest. */
const keyLengthMax = 128

/** The commands under way, and the last ones that ended, in the order in which they did. */
export class CommandMemory {
  private readonly commandsRemembered: number
  private readonly underway = new Map<string, Underway>()
  private readonly ended = new Map<string, Ended>()

  constructor(commandsRemembered: number) {
    this.commandsRemembered = commandsRemembered
  }

  /** What is known of the commandId of a command with this content; nothing where it is new. */
  recall(commandId: string, content: Content): Known | undefined {
    const command = this.underway.get(commandId)
    const known = command ?? this.ended.get(commandId)
    if (known === undefined) return undefined
    if (known.content.key !== content.key) return { _tag: "Other", content: known.content }
    return "answer" in known
      ? { _tag: "Ended", answer: known.answer }
      : { _tag: "Underway", command: known }
  }

  begin(command: Underway): void {
    this.underway.set(command.request.body.commandId, command)
  }

  /** Remembers the answer of a command that ended; forgets the command where there is none. */
  end(command: Underway, answer: Frames | undefined): void {
    const { commandId } = command.request.body
    this.underway.delete(commandId)
    if (answer === undefined) return
    this.ended.set(commandId, { content: command.content, answer })
    if (this.ended.size <= this.commandsRemembered) return
    const [oldest] = this.ended.keys()
    if (oldest !== undefined) this.ended.delete(oldest)
  }
}

/** Has one more message wait for the answer of a command. */
export const join = ({ askers }: Underway, asker: Asker): void => {
  const same = askers.findIndex((other) =>
    equalBytes(other.peer, asker.peer) && equalBytes(other.id, asker.id)
  )
  if (same >= 0) askers.splice(same, 1)
  askers.push(asker)
  if (askers.length > askersMax) askers.shift()
}

/** What a request asks for, for people. */
export const titleOf = ({ body, kind }: CommandRequest): string =>
  `${kind} ${kind === "WRITE" ? body.attribute : body.command}`

/** What a request asks for. */
export const contentOf = (request: CommandRequest): Content => {
  const { body, kind } = request
  const value = kind === "WRITE" ? body.value : body.payload
  const title = titleOf(request)
  const text = `${title} ${canonical(value)}`
  return {
    title,
    key: text.length <= keyLengthMax
      ? text
      : createHash("sha256").update(text).digest("base64")
  }
}

// As deep as a codec lets bodies nest.
const canonical = (value: unknown): string => {
  if (typeof value === "number") return String(value)
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString("hex")}`
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`
  }
  return JSON.stringify(value ?? null)
}
