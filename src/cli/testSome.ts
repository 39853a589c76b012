/**
 * `npm run test:example`: runs all tests that belong to examples or hazards. `npm run test:changed`: runs the tests of
 * what has changed since a commit.
 */
import { existsSync } from "node:fs";
import { Argument, Command } from "commander";
import { execa } from "execa";
import { readScenario, scenarioIds } from "../catalogue/catalogue.ts";
import { main } from "./main.ts";

/** The files of `src/harness` whose tests play all scenarios: `selected()` restricts them. */
const SHARED = ["scenarios", "scenarios.timed", "variations"].map(
  (name) => `src/harness/${name}.test.ts`,
);
/** The files that every example depends on, though no test imports them. */
const COPIED_ALONG = /^examples\/(bridge|pool|routes|undici)\//;
/** The files that only the browser tests look at. */
const SITE = /^(docs|static|src\/(components|css|theme|remark))\//;

const command = new Command().name("npm run");
command
  .command("test:example")
  .description("Tests examples: their programs, records, variations of their requests, own tests.")
  .addArgument(new Argument("<ids...>", "the examples or hazards"))
  .action((ids: string[]) => main(() => testExamples(ids)));
command
  .command("test:changed")
  .description("Tests what has changed, except what only the browser tests cover.")
  .addArgument(new Argument("[commit]", "the commit to compare with").default("HEAD"))
  .action((commit: string) => main(() => testChanged(commit)));
await command.parseAsync();

async function testExamples(ids: string[]): Promise<number> {
  await Promise.all(ids.map((id) => readScenario(id)));
  return vitest(["run", ...ids.map((id) => `examples/${id}/`), ...SHARED], ids);
}

async function testChanged(commit: string): Promise<number> {
  const files = await changedFiles(commit);
  if (files.some((file) => SITE.test(file))) {
    console.log("The site has changed, too: npm run build && npm run test:browser");
  }
  if (files.some((file) => COPIED_ALONG.test(file) || !isFollowed(file))) return vitest(["run"]);
  const ids = (await scenarioIds()).filter((id) =>
    files.some((file) => file.startsWith(`examples/${id}/`) || file === `static/runs/${id}.json`),
  );
  const code = ids.length > 0 ? await testExamples(ids) : 0;
  const sources = files.filter((file) => /^(src|examples)\/.*\.ts$/.test(file));
  if (sources.length === 0) return code;
  return (await vitest(["related", "--run", ...sources])) || code;
}

/** Tells if Vitest finds the tests of a source file by its imports: not if it is gone, or no TypeScript. */
function isFollowed(file: string): boolean {
  return !file.startsWith("src/") || (existsSync(file) && /\.tsx?$|\.css$|\.mdx?$/.test(file));
}

/** Lists the files that differ from a commit, and new ones. */
async function changedFiles(commit: string): Promise<string[]> {
  const changed = await execa("git", ["diff", "--name-only", "--no-renames", commit], {
    lines: true,
  });
  const added = await execa("git", ["ls-files", "--others", "--exclude-standard"], { lines: true });
  return [...changed.stdout, ...added.stdout];
}

/** Runs Vitest and returns its exit code. */
async function vitest(args: string[], examples?: string[]): Promise<number> {
  const env = examples && { EXAMPLES: examples.join(" ") };
  const { exitCode } = await execa("vitest", [...args, "--passWithNoTests"], {
    preferLocal: true,
    stdio: "inherit",
    env,
    reject: false,
  });
  return exitCode ?? 1;
}
