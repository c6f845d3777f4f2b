/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "264b69bfad598bed",
  "2": "433ace7849c81725",
  "3": "98447c561b2484e1",
  "4": "56cb98d9f0eb6a0f",
  "5": "1247d3cffed9268e",
  "6": "e3d1307b54e702d1",
  "7": "032e8dd14c41345e",
  "8": "4f6d8636d2d3ebf0",
  "9": "8d1907995674cc57",
  "10": "f9c83343c63b8472"
}
