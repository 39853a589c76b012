/** The page that lists the hazards by symptom. */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";

const FOLDER = path.resolve(import.meta.dirname, "../../docs/hazards");

test("each page of a hazard is listed by a symptom", async () => {
  const index = await readFile(path.join(FOLDER, "index.mdx"), "utf8");
  const listed = [...index.matchAll(/\]\(\/hazards\/([a-z-]+)/g)].map(([, page]) => page);
  const pages = (await readdir(FOLDER)).flatMap(
    (name) => /^(?!index)(.+)\.mdx$/.exec(name)?.[1] ?? [],
  );
  expect(pages.length).toBeGreaterThan(10);
  expect(new Set(listed)).toEqual(new Set(pages));
});
