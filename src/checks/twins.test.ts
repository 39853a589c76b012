/** A twin fits on a screen: how many lines and columns each of its files may have. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { EXAMPLES } from "../catalogue/catalogue.ts";

const LINES = 60;
/** What readers copy along with a twin, and the plugins of tests. */
const NO_TWINS = /^(bridge|pool|routes|structure|undici)\/|\/fixtures\/|\.pyi$/;
const COLUMNS = 80;

/** The programs in a folder below `examples/`. */
async function programsIn(folder: string): Promise<string[]> {
  const names = await readdir(path.join(EXAMPLES, folder), { recursive: true });
  return names
    .filter((name) => /(?<!\.test)\.(py|ts)$/.test(name))
    .map((name) => path.join(folder, name));
}

async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(path.join(EXAMPLES, file), "utf8");
  return text.trimEnd().split("\n");
}

test("a file of a twin has at most 60 lines", async () => {
  const all = await programsIn(".");
  const twins = all.filter((file) => !NO_TWINS.test(file));
  expect(twins.length).toBeGreaterThan(80);
  for (const file of twins) {
    expect((await linesOf(file)).length, file).toBeLessThanOrEqual(LINES);
  }
});

test("no program has a line of more than 80 columns", async () => {
  for (const file of await programsIn(".")) {
    const wide = (await linesOf(file)).filter((line) => line.length > COLUMNS);
    expect(wide, file).toEqual([]);
  }
});
