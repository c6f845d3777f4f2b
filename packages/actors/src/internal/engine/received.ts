/** Messages that came from another node: their end is told to whoever brought them. */
import { Exit } from "effect"
import type { Received } from "../../Placement.ts"
import { Ask, Envelope, waiting } from "./envelope.ts"

/** An envelope for a message from elsewhere. */
export const envelopeOf = (message: Received, now: number): Envelope => {
  const { deadline, onEnd, onMoved, order, payload, tag } = message
  const asks = Number.isFinite(deadline)
  const envelope = asks
    ? new Ask(tag, payload, {
      deadline,
      // It may have been over before it came.
      timeoutMillis: Math.max(0, deadline - now),
      origin: undefined
    })
    : new Envelope(tag, payload)
  envelope.onMoved = onMoved
  if (order !== undefined) envelope.order = order
  if (envelope instanceof Ask) envelope.reply = onEnd
  else envelope.taken = onEnd
  return envelope
}

/** Tells the end of a tell that was taken, or refused, before anybody could wait for it. */
export const tellEnd = (envelope: Envelope, { onEnd }: Received): void => {
  if (envelope instanceof Ask || envelope.phase === waiting) return
  if (envelope.taken === undefined) return
  envelope.taken = undefined
  onEnd(envelope.refusal === undefined ? Exit.void : Exit.fail(envelope.refusal))
}
