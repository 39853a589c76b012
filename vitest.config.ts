import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "examples/**/*.test.ts"],
    // Live Orthancs are timed against each other: one file at a time.
    fileParallelism: false,
    // A busy machine may delay a process beyond a test's patience; what is really broken fails twice.
    retry: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
