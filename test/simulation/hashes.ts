/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "c2854ef3f580a549",
  "2": "d2e12935923035d8",
  "3": "8f29eb0dda1569ce",
  "4": "73e63084bc642e26",
  "5": "55733bb1cddcf03d",
  "6": "34d58e884dde5dba",
  "7": "cede1f3266c6eeb3",
  "8": "fe51ea89e4caf213",
  "9": "fce9f57c435e0b8c",
  "10": "b7a03e7d08b9de59"
}
