/** What is to hold in a run: always, in the end, or in one run of many. */

/** What was found. */
export interface Violation {
  /** Which check, by its name. */
  readonly check: string
  readonly detail: string
  /** In virtual milliseconds. */
  readonly at: number
}

interface Check {
  readonly name: string
  readonly holds: () => boolean
}

interface Eventual extends Check {
  readonly withinMillis: number
}

/** The checks of one run. */
export class Checks {
  violation: Violation | undefined = undefined
  readonly eventual: Array<Eventual> = []
  readonly sometimes = new Map<string, boolean>()
  private readonly always: Array<Check> = []
  private readonly wished: Array<Check> = []

  addAlways(name: string, holds: () => boolean): void {
    this.always.push({ name, holds })
  }

  addEventually(name: string, holds: () => boolean, withinMillis: number): void {
    this.eventual.push({ name, holds, withinMillis })
  }

  addSometimes(name: string, holds: () => boolean): void {
    // Of several with one name it is enough that one has held.
    if (!this.sometimes.has(name)) this.sometimes.set(name, false)
    this.wished.push({ name, holds })
  }

  /** After each step. */
  look(at: number): void {
    for (const { holds, name } of this.always) {
      if (this.violation === undefined && !holds()) {
        this.violate({ check: name, detail: "it does not hold any more", at })
      }
    }
    for (const { holds, name } of this.wished) {
      if (this.sometimes.get(name) !== true && holds()) this.sometimes.set(name, true)
    }
  }

  /** The first violation is the one that counts. */
  violate(violation: Violation): void {
    this.violation ??= violation
  }
}
