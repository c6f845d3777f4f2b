/** How well a device is reached, as pure steps over what came of requests to it. */
import type { DeviceProtocol } from "@plantd/hardware"

/** What is known of a device. */
export interface ModbusHealth {
  readonly hardware: DeviceProtocol.Hardware
  /** Why it is not ok. */
  readonly reason: string | undefined
  /** False until it has answered, and again once it is lost. */
  readonly reached: boolean
  /** Requests in a row without a reply. */
  readonly silent: number
  /** Why the last reading of all attributes had not all of them. */
  readonly refused: string | undefined
}

/** What came of a request, of a connection, or of reading all attributes. */
export type HealthEvent =
  /** A reply came, be it an exception. */
  | { readonly _tag: "Answered" }
  /** No valid reply came. */
  | { readonly _tag: "Silent"; readonly reason: string }
  /** The connection was closed, or none could be made. */
  | { readonly _tag: "Lost"; readonly reason: string }
  /** All attributes were asked for; `refused` where the device refused one of them. */
  | { readonly _tag: "Round"; readonly refused: string | undefined }

/** A device that does not answer so often in a row is down, though it may accept connections. */
export const silentMax = 3

/** Before the first answer. */
export const initial: ModbusHealth = {
  hardware: "down",
  reason: "it has not answered yet",
  reached: false,
  silent: 0,
  refused: undefined
}

/** What is known after an event. */
export const step = (health: ModbusHealth, event: HealthEvent): ModbusHealth => {
  switch (event._tag) {
    case "Answered":
      return judged({ ...health, reached: true, silent: 0 }, undefined)
    case "Silent": {
      const silent = Math.min(silentMax, health.silent + 1)
      return judged(
        { ...health, silent, reached: health.reached && silent < silentMax },
        event.reason
      )
    }
    case "Lost":
      return judged({ ...health, reached: false }, event.reason)
    case "Round":
      return judged({ ...health, refused: event.refused }, health.reason)
  }
}

const judged = (health: ModbusHealth, reason: string | undefined): ModbusHealth => {
  if (!health.reached) return { ...health, hardware: "down", reason: reason ?? health.reason }
  if (health.silent > 0) return { ...health, hardware: "degraded", reason }
  return health.refused === undefined
    ? { ...health, hardware: "ok", reason: undefined }
    : { ...health, hardware: "degraded", reason: health.refused }
}
