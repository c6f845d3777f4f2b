/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "1cada773b1f0956e",
  "2": "b5aa991944717142",
  "3": "2d9d4cbe63e542d7",
  "4": "437208078e26ae23",
  "5": "4e478763b375d37d",
  "6": "c93bebc1de963cab",
  "7": "273427b78bdc80b1",
  "8": "7c38676385d7747a",
  "9": "581c0b25d27ab963",
  "10": "22ae34e7d78d239a"
}
