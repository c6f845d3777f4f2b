/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "b60c04a3bea8ed95",
  "2": "5b7e2eff2f3a1cf2",
  "3": "167bd0cda1447453",
  "4": "3f36dc28d34b4159",
  "5": "3fc18ad40984bad7",
  "6": "b075bc2dcd85ad93",
  "7": "b5b9842e86a398a3",
  "8": "8e9cc7f31684f516",
  "9": "5a1ed7b455aa3b11",
  "10": "6b7a89a027eb0a18"
}
