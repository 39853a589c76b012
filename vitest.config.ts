import { configDefaults, defineConfig } from "vitest/config";
import { failureReporter } from "./src/testing/failureReporter.ts";
import { SOAKING } from "./src/testing/soak.ts";

/** Tests that compare wall times or count busy cores: nothing else may run beside them. */
const TIMED = ["{src,examples}/**/*.timed.test.ts"];
/** Tests of what holds under load and faults: short in `npm test`, long in `npm run soak`. */
const SOAK = ["{src,examples}/**/*.soak.test.ts"];
/** Those of them that count what is done in a time. */
const TIMED_SOAK = ["{src,examples}/**/*.soak.timed.test.ts"];

/** The files that run at once: their tests wait for Orthanc more than they compute. */
const WORKERS = 8;

export default defineConfig({
  // tsconfig.json leaves the JSX of components to the compiler of the site.
  oxc: { jsx: { runtime: "automatic" } },
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The tests of one file that run at once mostly wait for what does not come.
    maxConcurrency: 10,
    reporters: [SOAKING ? "verbose" : "default", failureReporter],
    projects: [
      {
        extends: true,
        test: {
          name: "parallel",
          include: ["{src,examples}/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...TIMED, ...SOAK],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "timed",
          include: TIMED,
          exclude: [...configDefaults.exclude, ...(SOAKING ? TIMED_SOAK : [])],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: "soak",
          include: [...SOAK, ...(SOAKING ? TIMED_SOAK : [])],
          maxWorkers: SOAKING ? 1 : WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
