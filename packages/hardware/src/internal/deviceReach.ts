/** What a device actor knows of how its device is reached, and who waits for that to change. */
import type { Epoch } from "@plantd/core"
import { Effect } from "effect"
import type { LinkStatus } from "../LinkPort.ts"
import type { Phase } from "../LinkState.ts"

/** How a device is reached now. */
export class DeviceReach {
  phase: Phase = "connecting"
  reason = "no session yet"
  /** Of the device process; none before the first session. */
  epoch: Epoch.Epoch | undefined
  private readonly waiters = new Set<() => void>()

  /** Takes note of a change of the link. */
  note(status: LinkStatus): void {
    const changed = status.state !== this.phase
    this.phase = status.state
    this.reason = status.reason ?? "no reason known"
    this.epoch = status.epoch as Epoch.Epoch | undefined
    if (!changed) return
    for (const resume of this.waiters) resume()
    this.waiters.clear()
  }

  /** Waits until the phase is another one, at most for so many milliseconds. */
  changed(millis: number): Effect.Effect<void> {
    const change = Effect.async<void>((resume) => {
      const waiter = () => resume(Effect.void)
      this.waiters.add(waiter)
      return Effect.sync(() => void this.waiters.delete(waiter))
    })
    return Effect.raceFirst(change, Effect.sleep(Math.max(0, millis)))
  }
}
