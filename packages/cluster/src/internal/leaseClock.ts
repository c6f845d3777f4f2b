/** Until when this node may run actors, by its own clock, which never jumps. */

/** Milliseconds before the end of a lease from which on it counts as over: a node must be early. */
export const marginMillis = 100

/** The end of the lease of this node. */
export class LeaseClock {
  private until = Number.NEGATIVE_INFINITY
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  /** A renewal that was begun at a time was granted for so long. */
  renewed(begunAt: number, ttlMillis: number): void {
    this.until = Math.max(this.until, begunAt + ttlMillis - marginMillis)
  }

  /** The lease is known to be lost. */
  lost(): void {
    this.until = Number.NEGATIVE_INFINITY
  }

  /** For how many milliseconds it lasts still; none where it is over. */
  get millisLeft(): number {
    return Math.max(0, this.until - this.now())
  }

  /** Whether it lasts still. Asked for each message: after a pause of the process it does not. */
  get isValid(): boolean {
    return this.now() < this.until
  }
}
