/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "0b35789c0cc83df1",
  "2": "bac384b29fc081dc",
  "3": "386fc9638bf5939d",
  "4": "9178bbc52d46a277",
  "5": "f7ca870600aad5e8",
  "6": "6bee40ece3fd47ac",
  "7": "1e5082d168c55fbf",
  "8": "2e6dd940dab9ffdb",
  "9": "53a8f1b213bffcf6",
  "10": "6f88a9d0716174e1"
}
