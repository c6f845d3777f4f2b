/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "7a1f5db0cb23f794",
  "2": "871874dbdbc24d91",
  "3": "43c8910d6b0efb52",
  "4": "a46a49f5106f8dda",
  "5": "f7ca870600aad5e8",
  "6": "a95d658a313ad7f4",
  "7": "fe6676ff07aedb6d",
  "8": "a8d07c07f0db4dc5",
  "9": "5a83931233b8a705",
  "10": "b95e50429407d7e7"
}
