/** A twin fits on a screen: how many lines and columns each of its files may have. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { EXAMPLES, exampleIds } from "../harness/example.ts";

const LINES = 60;
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
  const folders = [...(await exampleIds()), "from-python", "hazards", "token-access"];
  for (const file of (await Promise.all(folders.map(programsIn))).flat()) {
    expect((await linesOf(file)).length, file).toBeLessThanOrEqual(LINES);
  }
});

test("no program has a line of more than 80 columns", async () => {
  for (const file of await programsIn(".")) {
    const wide = (await linesOf(file)).filter((line) => line.length > COLUMNS);
    expect(wide, file).toEqual([]);
  }
});
