/** What several faults do to one thing at a time: it lasts until the last of them has ended. */

/** By the names of things: whoever holds one says with what, and what is to be done about it. */
export class Holds {
  private readonly held = new Map<string, Array<unknown>>()

  /**
   * Adds to what is done to a thing, and gives what takes that back. `apply` is called with all
   * that is done to it at present, oldest first, after each change; the list goes on changing.
   */
  hold<A>(thing: string, done: A, apply: (all: ReadonlyArray<A>) => void): () => void {
    // One thing is held by one kind of values: those of whoever names it.
    const all = (this.held.get(thing) ?? []) as Array<A>
    this.held.set(thing, all)
    all.push(done)
    apply(all)
    return () => {
      all.splice(all.indexOf(done), 1)
      apply(all)
    }
  }
}
