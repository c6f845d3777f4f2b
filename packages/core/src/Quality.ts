/** How far a value can be trusted. Never mixed with alarm severity or with lifecycle. */
import { Schema } from "effect"

/**
 * - `good`: measured, fresh and plausible.
 * - `uncertain`: measured, but outside of what the definition calls plausible (the idea of OPC UA
 *   Part 8, Uncertain_EngineeringUnitsExceeded).
 * - `stale`: was good once; nothing newer has come within its `maxAge`, or its link is lost.
 * - `bad`: no value to act on: never read, not a number, of the wrong type, or bad by its device.
 */
export const Quality = Schema.Literal("good", "uncertain", "stale", "bad")
/** How far a value can be trusted, from `good` down to `bad`. */
export type Quality = typeof Quality.Type

const rank: Record<Quality, number> = { good: 0, uncertain: 1, stale: 2, bad: 3 }

/** The less trustworthy of two qualities. */
export const worst = (a: Quality, b: Quality): Quality => (rank[a] >= rank[b] ? a : b)

/** True where a controller may act on a value of this quality: `good` alone. */
export const isActionable = (quality: Quality): boolean => quality === "good"
