/** What a `TransportError` advises by its reason: one text for real and simulated sockets. */
import type { TransportError } from "../Transport.ts"

/** The advice; reasons that are absent are explained where they arise. */
export const details = {
  "address-in-use": "another socket or process has it; stop that one or choose another port",
  "would-block": "no live connection, or its queue is full; wait for Connected and try again",
  "no-peer": "no peer with this routing id is connected; wait until it says hello again",
  "invalid-endpoint": "this machine has no such address or name",
  closed: "the socket was closed with its scope"
} as const satisfies Partial<Record<TransportError["reason"], string>>

/** Said by a socket that only receives. */
export const onlyReceives = "a sub socket only receives; publish with a pub socket"

/** Said by a socket that only sends. */
export const onlySends = "a pub socket only sends; subscribe with a sub socket"
