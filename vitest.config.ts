import { defineConfig } from "vitest/config"

/** Every package with code is measured by itself: a well tested one cannot hide another. */
const enough = { lines: 85, branches: 85 }

export default defineConfig({
  resolve: { conditions: ["plantd-source"] },
  ssr: { resolve: { conditions: ["plantd-source", "node", "import", "module", "default"] } },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Test files share a process: loading Effect anew for each would take most of the time.
    poolOptions: { forks: { maxForks: 2, minForks: 1, isolate: false } },
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "examples/*/src/**/*.ts"],
      reporter: ["text", "json-summary"],
      thresholds: {
        "packages/core/src/**": enough,
        "packages/actors/src/**": enough,
        "packages/hardware/src/**": enough,
        "packages/node/src/**": enough,
        "examples/tank/src/**": enough
      }
    }
  }
})
