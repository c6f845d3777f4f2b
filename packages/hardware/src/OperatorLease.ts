/**
 * Who operates a device: an operator's session has it for a time, and others' commands are refused.
 * It is apart from the fence, which says which node may send. Pure; times in milliseconds since
 * 1970-01-01 UTC, since a lease outlives the process that gave it.
 * Source of the idea: C. Gray and D. Cheriton, "Leases", SOSP 1989.
 */
import { Schema } from "effect"

/** The longest time a lease is given for at once: an hour. */
export const ttlMillisMax = 3_600_000

/** The shortest time a lease is given for. */
export const ttlMillisMin = 100

/** Who has a device until when. */
export const Lease = Schema.Struct({
  session: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(128)),
  expiresAt: Schema.Number
})
/** Who has a device until when. */
export interface Lease extends Schema.Schema.Type<typeof Lease> {}

/** The lease that counts at `now`: none where its time is over. */
export const holder = (lease: Lease | undefined, now: number): Lease | undefined =>
  lease !== undefined && now < lease.expiresAt ? lease : undefined

/** True where a session may command: nobody else has the device. */
export const admits = (
  lease: Lease | undefined,
  session: string | undefined,
  now: number
): boolean => {
  const held = holder(lease, now)
  return held === undefined || held.session === session
}

/** The lease of a session from now on; `undefined` where another session has the device. */
export const acquire = (
  lease: Lease | undefined,
  wanted: { readonly session: string; readonly ttlMillis: number },
  now: number
): Lease | undefined => {
  if (!admits(lease, wanted.session, now)) return undefined
  const ttl = Math.min(ttlMillisMax, Math.max(ttlMillisMin, wanted.ttlMillis))
  return { session: wanted.session, expiresAt: now + ttl }
}
