/** The command that is printed for a program: its twin answers it as the example's first step expects. */
import { execaCommand } from "execa";
import { expect, test } from "vitest";
import { findProgram, readScenarios } from "../catalogue/catalogue.ts";
import { setStage } from "../harness/player.ts";
import { useOrthancs } from "../testing/useOrthancs.ts";
import { curlLine } from "./curl.ts";

const { startExample } = useOrthancs();
const examples = (await readScenarios()).filter(({ twins }) => twins);

test.each(examples.map((example) => [example.id, example] as const))(
  "%s answers its curl line",
  async (id, example) => {
    const program = findProgram(example, "python");
    const orthanc = await startExample(id, "python");
    const { signal } = new AbortController();
    const { names } = await setStage(example, program, orthanc, { signal });
    const line = await curlLine(program, orthanc, names);
    expect(line).toMatch(/'http:[^'{}]+'$/);
    expect(line).not.toContain(orthanc.password);
    const { stdout, exitCode } = await execaCommand(
      `${line} --silent --output /dev/null --write-out %{http_code}`,
      { shell: "/bin/sh", reject: false },
    );
    if (exitCode === 127) {
      console.warn("Skipped: the curl line, for this machine has no curl");
      return;
    }
    expect(program.steps[0]).toMatchObject({ expect: { status: Number(stdout) } });
  },
);
