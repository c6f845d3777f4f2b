/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "7abd8af53d531a5c",
  "2": "3b3d0a26836363e0",
  "3": "726e75ffbd2d22e9",
  "4": "be6297b3087452de",
  "5": "49615a3671f4c965",
  "6": "887a7cabe269ca40",
  "7": "1dff2c6f08f0e609",
  "8": "571a65bc486ef484",
  "9": "19be43914cd10980",
  "10": "fc9b1ae38a73209a"
}
