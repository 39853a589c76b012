/** Prints a list of what failed, after everything else that Vitest prints. */
import { stripVTControlCharacters } from "node:util";
import type { Reporter } from "vitest/node";

const WIDTH = 600; // characters of an error

export const failureReporter: Reporter = {
  onTestRunEnd(modules, unhandled) {
    const failed = modules.flatMap((module) => [
      ...[module, ...module.children.allSuites()].flatMap((suite) =>
        describe(module.relativeModuleId, suite.errors()),
      ),
      ...[...module.children.allTests("failed")].flatMap((test) =>
        describe(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? []),
      ),
    ]);
    const lines = [...failed, ...describe("outside of a test", unhandled)];
    if (lines.length > 0) console.error(["Failed:", ...lines, ""].join("\n"));
  },
};

function describe(name: string, errors: readonly { message: string; diff?: string }[]): string[] {
  return errors.map(({ message, diff = "" }) => {
    const text = stripVTControlCharacters(`${message} ${diff}`).replaceAll(/\s+/g, " ");
    return `  ${name}: ${text.slice(0, WIDTH)}`;
  });
}
