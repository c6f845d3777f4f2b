/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "a1f704171434775e",
  "2": "2858e8216ded475d",
  "3": "c1e309023d3fdfa4",
  "4": "3d3c4e3c752f170c",
  "5": "30e29f0f3012078f",
  "6": "a95d658a313ad7f4",
  "7": "4d99ff491a450732",
  "8": "f7d5427f4396f7a3",
  "9": "ad1e15e759b0daeb",
  "10": "2b19bcb73698bece"
}
