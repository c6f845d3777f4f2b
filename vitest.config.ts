import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["plantd-source"] },
  ssr: { resolve: { conditions: ["plantd-source", "node", "import", "module", "default"] } },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    poolOptions: { forks: { maxForks: 2, minForks: 1 } },
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**/*.ts", "examples/*/src/**/*.ts"],
      reporter: ["text", "json-summary"]
    }
  }
})
