/** The traces of ten seeds of `durable-ledger`: the same wherever they are run. */
export const hashes: Readonly<Record<string, string>> = {
  "1": "9d857b32f3075acd",
  "2": "95d3e58beab7a1d1",
  "3": "aee75ec1bb81a093",
  "4": "d899a3142f179718",
  "5": "0caffcd95c667ab6",
  "6": "887a7cabe269ca40",
  "7": "45f790da530f6309",
  "8": "5cb81cd15e2828a4",
  "9": "889e670d6394e35a",
  "10": "5bb3e3aa9a9015c1"
}
