/**
 * How old a message is, told by two clocks that were never set to each other: its transit time
 * beyond the shortest one seen. With it a device process refuses commands that were held up, and a
 * node does not handle what was.
 * Source of the idea: the one-way delay variation of RFC 3393.
 */

/**
 * How fast two clocks may drift apart, in milliseconds a millisecond: 1000 ppm, twice the 500 ppm
 * by which NTP may slew a clock. Without the allowance every session would expire in the end.
 */
export const driftMax = 0.001

/** What a receiver knows of the transit times of one session. */
export interface Transit {
  /** The shortest difference `now - sentAt` seen, allowed to drift; in milliseconds. */
  readonly shortest: number
  /** When it was last brought up to date, by the receiver's clock. */
  readonly at: number
}

/** Begins with the first message of a session, whose age is taken to be 0. */
export const begin = (message: { readonly sentAt: number; readonly now: number }): Transit => ({
  shortest: message.now - message.sentAt,
  at: message.now
})

/**
 * The age of a message in milliseconds, at least 0, and what is known after it. `sentAt` is by the
 * sender's clock, `now` by the receiver's; neither may jump, and neither need know the other.
 */
export const observe = (
  transit: Transit,
  message: { readonly sentAt: number; readonly now: number }
): readonly [Transit, number] => {
  const elapsed = Math.max(0, message.now - transit.at)
  const time = message.now - message.sentAt
  const shortest = Math.min(time, transit.shortest + elapsed * driftMax)
  return [{ shortest, at: message.now }, time - shortest]
}
