/**
 * Makes the fault plan of a run that failed smaller, as long as the same check fails: by delta
 * debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002), and
 * then by faults that last less long.
 */
import type { Fault, Plan } from "./Faults.ts"
import type { Scenario } from "./Scenario.ts"
import * as Seeds from "./Seeds.ts"
import type { Report } from "./Simulation.ts"

/** A failure with the smallest plan that was found. */
export interface Shrunk {
  readonly plan: Plan
  /** With which seed it fails. */
  readonly seed: number
  /** What became of the run with this plan and this seed. */
  readonly report: Report
  /** How many runs it took. */
  readonly runs: number
  /** False where the bound on runs was met before all was tried. */
  readonly complete: boolean
}

/** What shrinking may cost. */
export interface Limits {
  /** The most runs. */
  readonly runsMax: number
  /** With how many seeds above its own a plan is tried: a fault less shifts what a seed gives. */
  readonly otherSeeds: number
}

/** What shrinking may cost where nothing is said. */
export const defaultLimits: Limits = { runsMax: 60, otherSeeds: 2 }

/** No fault is made shorter than this, in virtual milliseconds. */
const shortestMillis = 100

/** Faults that are over as soon as they begin. */
const momentary = new Set<Fault["kind"]>(["resetConnections"])

/** Shrinks the plan of a report that failed; one that passed is given back as it is. */
export const shrink = (
  scenario: Scenario,
  report: Report,
  limits: Partial<Limits> = {}
): Shrunk => {
  const all = steps(scenario, report, limits)
  for (;;) {
    const { done, value } = all.next()
    if (done === true) return value
  }
}

/** The same, run by run: gives before each how many there were, so that others get their turn. */
export function* steps(
  scenario: Scenario,
  report: Report,
  limits: Partial<Limits> = {}
): Generator<number, Shrunk, void> {
  const search = new Search(scenario, report, { ...defaultLimits, ...limits })
  if (report.violation !== undefined && report.plan.length > 0) {
    yield* search.dropFaults()
    yield* search.shortenFaults()
  }
  return search.found
}

class Search {
  private readonly scenario: Scenario
  private readonly limits: Limits
  private readonly check: string | undefined
  private best: Report
  private runs = 0

  constructor(scenario: Scenario, report: Report, limits: Limits) {
    this.scenario = scenario
    this.limits = limits
    this.check = report.violation?.check
    this.best = report
  }

  get found(): Shrunk {
    const { best, runs } = this
    return { plan: best.plan, seed: best.seed, report: best, runs, complete: !this.isSpent }
  }

  /** Leaves out parts of the plan, from all of it down to single faults. */
  *dropFaults(): Generator<number, void, void> {
    if (yield* this.fails([])) return
    let parts = 2
    while (this.best.plan.length > 1 && !this.isSpent) {
      const smaller = yield* this.withoutOneOf(parts)
      const { length } = this.best.plan
      if (smaller) parts = Math.max(2, parts - 1)
      else if (parts >= length) return
      else parts = Math.min(length, parts * 2)
    }
  }

  /** Halves how long each fault lasts, as often as it can. */
  *shortenFaults(): Generator<number, void, void> {
    for (let index = 0; index < this.best.plan.length; index++) {
      for (;;) {
        const { plan } = this.best
        const fault = plan[index]
        if (fault === undefined || momentary.has(fault.kind)) break
        const forMillis = Math.max(shortestMillis, Math.floor(fault.forMillis / 2))
        if (forMillis >= fault.forMillis) break
        if (!(yield* this.fails(plan.with(index, { ...fault, forMillis })))) break
      }
    }
  }

  private *withoutOneOf(parts: number): Generator<number, boolean, void> {
    const { plan } = this.best
    const size = Math.ceil(plan.length / parts)
    for (let from = 0; from < plan.length; from += size) {
      const rest = plan.filter((_, index) => index < from || index >= from + size)
      if (yield* this.fails(rest)) return true
    }
    return false
  }

  /** Whether the check fails with a plan: with the seed of before, or with one of a few others. */
  private *fails(plan: Plan): Generator<number, boolean, void> {
    const { seed } = this.best
    for (let other = 0; other <= this.limits.otherSeeds; other++) {
      if (this.isSpent || seed + other > Seeds.seedMax) return false
      yield this.runs
      this.runs++
      const report = this.scenario.run(seed + other, plan)
      if (report.violation?.check !== this.check) continue
      this.best = report
      return true
    }
    return false
  }

  private get isSpent(): boolean {
    return this.runs >= this.limits.runsMax
  }
}
