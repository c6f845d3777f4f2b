/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "7abd8af53d531a5c",
  "2": "a3d5d501a1139407",
  "3": "856115a88d876e00",
  "4": "5914c3b4ecb11f54",
  "5": "e3ec7307ae824e07",
  "6": "887a7cabe269ca40",
  "7": "77ed06aa716b01fb",
  "8": "b3b1cdd5279972e4",
  "9": "62cd5cc8adf8bcb3",
  "10": "a0c7539111126fb2"
}
