/** Python peers of integration tests: which interpreter has what they need, and how to get it. */
import { spawnSync } from "node:child_process"

/** Debian's packages belong to its own interpreter, which another one may hide on the path. */
const interpreters = ["/usr/bin/python3", "python3"]

/** The interpreter that can import a module, if there is any. */
export const pythonWith = (module: string): string | undefined =>
  interpreters.find((name) => spawnSync(name, ["-c", `import ${module}`]).status === 0)

/**
 * What a test that needs Python has to know: its interpreter, and why it is skipped where there is
 * none. Where all must be checked (`CI=true`), it is not skipped, and fails for that reason.
 */
export const needing = (module: string, packages: string) => {
  const python = pythonWith(module)
  return {
    python: python ?? "python3",
    missing: python === undefined
      ? `needs Python with ${module} (Debian: apt-get install ${packages})`
      : undefined,
    skip: python === undefined && process.env["CI"] !== "true"
  }
}
