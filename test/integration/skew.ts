/** Sets the clock of this process wrong by SKEW milliseconds; imported before all else. */
const skew = Number(process.env["SKEW"] ?? 0)

if (skew !== 0) {
  const { now } = Date
  const bigint = process.hrtime.bigint.bind(process.hrtime)
  Date.now = () => now() + skew
  process.hrtime.bigint = () => bigint() + BigInt(skew) * 1_000_000n
}
