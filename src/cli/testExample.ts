/** `npm run test:example`: runs all tests that belong to one example or hazard. */
import { Argument, Command } from "commander";
import { execa } from "execa";
import { ACCESS_TABLE } from "../harness/accessTable.ts";
import { ExampleError, exampleIds } from "../harness/example.ts";
import { hazardIds, isHazard } from "../harness/hazard.ts";
import { main } from "./main.ts";

await new Command("npm run test:example --")
  .description(
    "Tests one example: both twins, their record, variations of its requests, its own tests. Or one hazard.",
  )
  .addArgument(new Argument("<id>", "the example or hazard"))
  .action((id: string) => main(() => testExample(id)))
  .parseAsync();

async function testExample(id: string): Promise<number> {
  const known = [...(await exampleIds()), ACCESS_TABLE, ...(await hazardIds())];
  if (!known.includes(id)) {
    throw new ExampleError(`There is no example "${id}". The examples are: ${known.join(", ")}.`);
  }
  const { exitCode } = await execa(
    "vitest",
    ["run", `examples/${id}/`, ...sharedTests(id), "--passWithNoTests"],
    { preferLocal: true, stdio: "inherit", env: { EXAMPLE: id }, reject: false },
  );
  return exitCode ?? 1;
}

/** The files whose tests play all examples: `selected()` restricts them to one. */
function sharedTests(id: string): string[] {
  if (id === ACCESS_TABLE) return [];
  if (isHazard(id)) return ["src/harness/hazards.test.ts"];
  return ["src/harness/twins.timed.test.ts", "src/harness/variations.test.ts"];
}
