/** Who runs this process, as the system knows it. */
import { Either } from "effect"
import { userInfo } from "node:os"

/** The number of the user; 0 where the system has none. */
export const id: number = process.getuid?.() ?? 0

/** The name of the user; in a container there may be a number alone. */
export const name: string = Either.getOrElse(
  Either.try(() => userInfo().username),
  () => `user-${id}`
)
