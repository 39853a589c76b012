/** Prints, after all else that Vitest prints, what failed: in a long output, the list that people look for. */
import { stripVTControlCharacters } from "node:util";
import type { Reporter } from "vitest/node";

const WIDTH = 300; // characters of an error's message

export const failures: Reporter = {
  onTestRunEnd(modules, unhandled) {
    const failed = modules.flatMap((module) => [
      ...describe(module.relativeModuleId, module.errors()),
      ...[...module.children.allTests("failed")].flatMap((test) =>
        describe(`${module.relativeModuleId} > ${test.fullName}`, test.result().errors ?? []),
      ),
    ]);
    const lines = [...failed, ...describe("outside of a test", unhandled)];
    if (lines.length > 0) console.error(["Failed:", ...lines, ""].join("\n"));
  },
};

function describe(name: string, errors: readonly { message: string }[]): string[] {
  return errors.map(({ message }) => {
    const text = stripVTControlCharacters(message).replaceAll(/\s+/g, " ");
    return `  ${name}: ${text.slice(0, WIDTH)}`;
  });
}
