/** What is to happen at a virtual time: a binary heap, in the order of times and then of chance. */

/** Something that is to happen. */
export interface Entry {
  /** In virtual milliseconds. */
  readonly at: number
  /** Decides among entries of the same time. */
  readonly rank: number
  /** Nothing, once it is cancelled: its place is kept until then, and nothing that it held. */
  run: (() => void) | undefined
}

/** It is not to happen any more. */
export const cancel = (entry: Entry): void => {
  entry.run = undefined
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.rank < b.rank)

/** Entries in the order in which they are due. */
export class Agenda {
  private readonly heap: Array<Entry> = []

  add(entry: Entry): void {
    const { heap } = this
    let index = heap.push(entry) - 1
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(entry, parent)) break
      heap[index] = parent
      index = above
    }
    heap[index] = entry
  }

  /** The entry that is due first; cancelled ones are left out. */
  get first(): Entry | undefined {
    let [first] = this.heap
    while (first !== undefined && first.run === undefined) {
      this.take()
      ;[first] = this.heap
    }
    return first
  }

  /** Takes the first entry out. */
  take(): Entry | undefined {
    const { heap } = this
    const first = heap[0]
    const moved = heap.pop()
    if (moved === undefined || moved === first) return first
    let index = 0
    for (;;) {
      let below = 2 * index + 1
      const left = heap[below]
      if (left === undefined) break
      const right = heap[below + 1]
      if (right !== undefined && isBefore(right, left)) below++
      const child = heap[below]
      if (child === undefined || !isBefore(child, moved)) break
      heap[index] = child
      index = below
    }
    heap[index] = moved
    return first
  }
}
