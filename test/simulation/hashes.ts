/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "cf14fae2b975e8be",
  "2": "10d2668a161355b5",
  "3": "b59f5b3843d3076f",
  "4": "35e4ba50450c6b1f",
  "5": "1247d3cffed9268e",
  "6": "9e6c09e86bef200f",
  "7": "31af14fb42998e0b",
  "8": "6898fff065ed0afc",
  "9": "56becc10fc4da3f7",
  "10": "da2f6c7c2f218468"
}
