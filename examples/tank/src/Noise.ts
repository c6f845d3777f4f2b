/** A seeded source of gaussian noise as a plain value: the same seed gives the same noise. */

/** The state of the generator: an unsigned 32-bit integer. */
export type Noise = number

/** The noise of a seed; any finite number will do, its lowest 32 bits count. */
export const make = (seed: number): Noise => seed >>> 0

/**
 * The next number in [0, 1) and the state after it. Mulberry32 (T. Ettinger, 2017): small and fast,
 * for simulations only, never for secrets.
 */
export const uniform = (noise: Noise): readonly [number, Noise] => {
  const next = (noise + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(next ^ (next >>> 15), next | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return [((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296, next]
}

/**
 * The next draw from the normal distribution with mean 0 and standard deviation 1, and the state
 * after it. G. Box, M. Muller, "A Note on the Generation of Random Normal Deviates", 1958.
 */
export const gaussian = (noise: Noise): readonly [number, Noise] => {
  const [radius, afterRadius] = uniform(noise)
  const [angle, afterAngle] = uniform(afterRadius)
  return [Math.sqrt(-2 * Math.log(1 - radius)) * Math.cos(2 * Math.PI * angle), afterAngle]
}
