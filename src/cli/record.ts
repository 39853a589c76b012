/** `npm run record`: plays examples on both twins and writes what was seen to `static/runs/`. */
import { Command } from "commander";
import ora from "ora";
import { exampleIds, readExample, type Twin } from "../harness/example.ts";
import { differences, judgeRun } from "../harness/judge.ts";
import { playTwin } from "../harness/play.ts";
import { writeRecord } from "../harness/record.ts";
import { findOrthanc } from "../orthanc/installation.ts";
import { endOnInterrupt, main } from "./main.ts";

endOnInterrupt();

await new Command("npm run record --")
  .description("Plays examples on both twins and records what was seen, for the site.")
  .argument("[ids...]", "the examples; all of them where none is named")
  .action((ids: string[]) => main(() => recordAll(ids)))
  .parseAsync();

async function recordAll(ids: string[]): Promise<number> {
  const chosen = ids.length > 0 ? ids : await exampleIds();
  const examples = await Promise.all(chosen.map(readExample));
  let failed = 0;
  for (const example of examples) {
    const progress = ora(example.id).start();
    const played = async (twin: Twin) =>
      playTwin(example, twin, {
        report: (told) => {
          if (told.type === "step") progress.text = `${example.id}, ${twin}: ${told.request.name}`;
        },
      });
    try {
      const python = await played("python");
      const typescript = await played("typescript");
      const problems = [
        ...judgeRun(example, python.run).problems,
        ...judgeRun(example, typescript.run).problems,
        ...differences(example, python.run, typescript.run),
      ];
      if (problems.length > 0) throw new Error(`Not recorded:\n${problems.join("\n")}`);
      const file = await writeRecord(example, {
        example: example.id,
        release: (await findOrthanc()).release,
        versions: python.versions,
        recordedAt: new Date().toISOString(),
        twins: { python: python.run, typescript: typescript.run },
      });
      await Promise.all([python.stopped, typescript.stopped]);
      progress.succeed(`${example.id}: ${file}`);
    } catch (error) {
      failed += 1;
      progress.fail(`${example.id}: ${(error as Error).message}`);
    }
  }
  return failed > 0 ? 1 : 0;
}
