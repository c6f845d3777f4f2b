/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "316f89ef1921cc46",
  "2": "95d3e58beab7a1d1",
  "3": "244c05d29016f75f",
  "4": "3c4032e2ec0b9277",
  "5": "a3f282997cb08082",
  "6": "887a7cabe269ca40",
  "7": "6a7efa20cf1083de",
  "8": "08ee0eb2a65126a1",
  "9": "6a2365a45a24c304",
  "10": "c34a90d963c0566f"
}
