/**
 * Whether what clients saw of one register can be put into one order, by J. Wing and C. Gong,
 * "Testing and Verifying Concurrent Objects" (1993), with the just-in-time linearization and the
 * memory of configurations of G. Lowe, "Testing for Linearizability" (2017).
 */

/** One operation on a register, as its client saw it. */
export interface Operation<V> {
  readonly kind: "read" | "write"
  /** What was written, or what was read; compared as the keys of a `Map` are. */
  readonly value: V
  /** When it was asked for. */
  readonly begun: number
  /**
   * When its answer was there. `undefined` where nobody knows what became of it: it may take effect
   * at any time after it was asked for, or never.
   */
  readonly ended: number | undefined
}

/** What a register holds before its first write, and what the search may cost. */
export interface Options<V> {
  readonly initial: V
  /** The most configurations that are looked at; 1,000,000 where nothing is said. */
  readonly configurationsMax?: number
}

/** The most configurations that are looked at where nothing is said. */
export const configurationsMaxDefault = 1_000_000

/** A way in which it may have gone so far. */
interface Configuration<V> {
  readonly value: V
  /** Which operations have taken effect and have not been answered, by number, in order. */
  readonly taken: ReadonlyArray<number>
}

/** What does not fit, for people to read, or that the search was given up. */
export const linearizable = <V>(
  operations: ReadonlyArray<Operation<V>>,
  options: Options<V>
): string | undefined => new Search(operations, options).finding()

class Search<V> {
  private readonly operations: ReadonlyArray<Operation<V>>
  private readonly configurationsMax: number
  /** The operations that were asked for and not answered yet. */
  private readonly open = new Set<number>()
  private configurations: ReadonlyArray<Configuration<V>>
  private readonly numbers = new Map<V, number>()
  private looked = 0

  constructor(operations: ReadonlyArray<Operation<V>>, options: Options<V>) {
    const { configurationsMax = configurationsMaxDefault, initial } = options
    const read = new Set<V>()
    for (const { ended, kind, value } of operations) {
      if (kind === "read" && ended !== undefined) read.add(value)
    }
    // An open write that nobody has read need never take effect: all orders hold without it.
    this.operations = operations.filter(({ ended, kind, value }) =>
      ended !== undefined || (kind === "write" && read.has(value))
    )
    this.configurationsMax = configurationsMax
    this.configurations = [{ value: initial, taken: [] }]
  }

  finding(): string | undefined {
    for (const { begins, number } of this.events()) {
      if (begins) {
        this.open.add(number)
        continue
      }
      const next = this.answered(number)
      if (next === undefined) {
        return `undecided: more than ${this.configurationsMax} configurations (configurationsMax)`
      }
      if (next.length === 0) return this.unexplained(number)
      this.open.delete(number)
      this.configurations = next
    }
    return undefined
  }

  /** In the order of time; what begins when another ends may have come before it. */
  private events(): ReadonlyArray<{ at: number; begins: boolean; number: number }> {
    return this.operations
      .flatMap(({ begun, ended }, number) => [
        { at: begun, begins: true, number },
        ...(ended === undefined ? [] : [{ at: ended, begins: false, number }])
      ])
      .sort((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins))
  }

  /**
   * The configurations in which an operation has taken effect, once it is answered; `undefined`
   * where too many had to be looked at. Others take effect before it only where that leads to it.
   */
  private answered(number: number): ReadonlyArray<Configuration<V>> | undefined {
    const next = new Map<string, Configuration<V>>()
    const seen = new Set<string>()
    const ahead = [...this.configurations]
    for (let at = ahead.pop(); at !== undefined; at = ahead.pop()) {
      const key = this.keyOf(at)
      if (seen.has(key)) continue
      seen.add(key)
      if (++this.looked > this.configurationsMax) return undefined
      const { taken, value } = at
      if (taken.includes(number)) {
        const rest = { value, taken: taken.filter((other) => other !== number) }
        next.set(this.keyOf(rest), rest)
        continue
      }
      for (const other of this.open) {
        const operation = this.operations[other]
        if (operation === undefined || taken.includes(other)) continue
        if (operation.kind === "read" && !same(operation.value, value)) continue
        // A read leaves what it read.
        ahead.push({
          value: operation.value,
          taken: [...taken, other].sort((a, b) => a - b)
        })
      }
    }
    return [...next.values()]
  }

  private keyOf({ taken, value }: Configuration<V>): string {
    const known = this.numbers.get(value)
    const number = known ?? this.numbers.size
    if (known === undefined) this.numbers.set(value, number)
    return `${number}:${taken.join()}`
  }

  /** A write always fits: what does not is a read. */
  private unexplained(number: number): string {
    const operation = this.operations[number]
    const held = [...new Set(this.configurations.map(({ value }) => String(value)))]
    return `nothing explains that ${String(operation?.value)} was read from ${operation?.begun} to`
      + ` ${operation?.ended} ms: what was there before is ${held.slice(0, heldShown).join(" or ")}`
  }
}

/** So many values are named at most. */
const heldShown = 5

const same = <V>(one: V, other: V): boolean =>
  one === other || (Number.isNaN(one) && Number.isNaN(other))
