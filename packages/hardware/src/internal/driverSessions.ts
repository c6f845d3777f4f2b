/** The sessions of a device process: who said HELLO, and how old what they say is. */
import { Fence, Transit } from "@plantd/core"

/** One node that said HELLO. */
export interface Session {
  /** By which the transport reaches it. */
  readonly peer: Uint8Array
  readonly node: string
  transit: Transit.Transit
  /** When it was last heard; of the clock that never jumps. */
  heardAt: number
  /** True once the node said BYE. */
  departed: boolean
}

/** The sessions by peer, and the highest fence that any of them, or an earlier one, brought. */
export class Sessions {
  private readonly byPeer = new Map<string, Session>()
  private readonly sessionsMax: number
  /** Raised only once it is stored: see driverFence.ts. */
  highestFence: Fence.Fence

  constructor(sessionsMax: number, highestFence: Fence.Fence) {
    this.sessionsMax = sessionsMax
    this.highestFence = highestFence
  }

  /** Begins a session, or begins it anew. Beyond the bound the one longest unheard is forgotten. */
  begin(
    peer: Uint8Array,
    hello: { readonly node: string; readonly sentAt: number; readonly now: number }
  ): void {
    const key = peerKey(peer)
    if (!this.byPeer.has(key) && this.byPeer.size >= this.sessionsMax) this.forgetOldest()
    const transit = Transit.begin(hello)
    this.byPeer.set(key, { peer, node: hello.node, transit, heardAt: hello.now, departed: false })
  }

  get(peer: Uint8Array): Session | undefined {
    return this.byPeer.get(peerKey(peer))
  }

  end(peer: Uint8Array): void {
    this.byPeer.delete(peerKey(peer))
  }

  /** True where no message with a higher fence came before. */
  admits(fence: Fence.Fence): boolean {
    return Fence.admits(this.highestFence, fence)
  }

  get all(): ReadonlyArray<Session> {
    return [...this.byPeer.values()]
  }

  private forgetOldest(): void {
    let oldest: Session | undefined
    for (const session of this.byPeer.values()) {
      if (oldest === undefined || session.heardAt < oldest.heardAt) oldest = session
    }
    if (oldest !== undefined) this.end(oldest.peer)
  }
}

/** The age in milliseconds of a message of a session, which counts as a sign of life. */
export const hear = (
  session: Session,
  message: { readonly sentAt: number; readonly now: number }
): number => {
  const [transit, age] = Transit.observe(session.transit, message)
  session.transit = transit
  session.heardAt = message.now
  return age
}

const peerKey = (peer: Uint8Array): string => String.fromCharCode(...peer)
