import { configDefaults, defineConfig } from "vitest/config";
import { failureReporter } from "./src/testing/failureReporter.ts";
import { SOAKING } from "./src/testing/soak.ts";

/** Tests under load and faults: short in `npm test`, long in `npm run soak`. */
const SOAK = ["src/**/*.soak.test.ts", "examples/**/*.soak.test.ts"];
/** Those of them that measure throughput. */
const LOAD = ["examples/bridge/load.soak.test.ts", "examples/pool/pool.soak.test.ts"];

/** Tests that compare wall times or count busy cores: nothing else may run at the same time. */
const TIMED = [
  ...(SOAKING ? [] : LOAD),
  "src/harness/twins.test.ts",
  "examples/blocking-computation/example.test.ts",
  "examples/worker-pool/example.test.ts",
  "examples/threads/example.test.ts",
];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: [SOAKING ? "verbose" : "default", failureReporter],
    projects: [
      {
        extends: true,
        test: {
          name: "parallel",
          include: ["src/**/*.test.ts", "examples/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...TIMED, ...SOAK],
          // They wait for Orthanc more than they compute.
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "timed",
          include: TIMED,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "soak",
          include: SOAK,
          exclude: [...configDefaults.exclude, ...(SOAKING ? [] : LOAD)],
          maxWorkers: SOAKING ? 1 : 3,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
