/** The page about security: each test that it names exists, and each asset of the table is on the page. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";

const ROOT = path.resolve(import.meta.dirname, "../..");
const text = (file: string) => readFile(path.join(ROOT, file), "utf8");

const Assets = z.array(
  z.strictObject({
    id: z.string().regex(/^[a-z]+$/),
    /** The heading of its part of the page. */
    asset: z.string().min(1),
    threats: z
      .array(
        z.strictObject({
          from: z.string().min(1),
          guard: z.string().endsWith("."),
          tests: z
            .array(
              z.strictObject({
                /** One that `npm test` runs. */
                file: z.string().regex(/^(src|examples)\/.*\.(test|spec)\.ts$/),
                /** As it is written there, after those of the groups that say what it is about, and " > ". */
                title: z.string().min(1),
              }),
            )
            .min(1),
        }),
      )
      .min(1),
  }),
);

const assets = Assets.parse(JSON.parse(await text("src/checks/security.json")));
const tests = assets.flatMap(({ threats }) => threats.flatMap(({ tests }) => tests));
const files = [...new Set(tests.map(({ file }) => file))];

describe("a test that the page names is in its file", () => {
  test.each(files)("%s", async (file) => {
    const titles = titlesIn(await text(file));
    for (const named of tests) {
      if (named.file !== file) continue;
      for (const title of named.title.split(" > ")) expect(titles).toContain(title);
    }
  });
});

test("each part of the table is on the page, below its own heading", async () => {
  const page = await text("docs/security.mdx");
  const parts = page.split(/^## /m).slice(1);
  const shown = parts.flatMap((part) => {
    const [, of] = /<Guards of="(\w+)" \/>/.exec(part) ?? [];
    return of ? [{ id: of, asset: part.split("\n", 1)[0] }] : [];
  });
  expect(shown).toEqual(assets.map(({ id, asset }) => ({ id, asset })));
});

test("SECURITY.md leads to the page, and names no address to write to", async () => {
  const policy = await text("SECURITY.md");
  expect(policy).toContain("(docs/security.mdx)");
  expect(policy).not.toMatch(/@|https?:/);
});

/** Finds the titles of tests and of their cases: texts at the start of a call or a list. */
function titlesIn(source: string): string[] {
  return [...source.matchAll(/(?<=[([]\s*)(["`])((?:\\.|(?!\1).)*)\1/g)].map(([, quote, title]) =>
    (title ?? "").replaceAll(`\\${quote}`, quote ?? ""),
  );
}
