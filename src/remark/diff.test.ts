import { expect, test } from "vitest";
import { diff, diffPrograms } from "./diff.ts";

const lines = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`);
const file = (name: string, text: string) => ({ file: name, text, regions: [] });

test("old and new lines are marked by elements and by characters, with three lines around them", async () => {
  const before = lines(20);
  const after = before.with(9, "new\n").toSpliced(10, 1);
  expect(await diff(before.join(""), after.join(""), "text")).toEqual({
    html: `<i>⋯ line 7</i>
  line 7
  line 8
  line 9
<del>− line 10
− line 11
</del><ins>+ new
</ins>  line 12
  line 13
  line 14
`,
    added: 1,
    removed: 2,
  });
});

test("changes that are far apart are shown apart, and the first lines without a number", async () => {
  const before = lines(20);
  const after = ["first\n", ...before, "last\n"];
  expect((await diff(before.join(""), after.join(""), "text")).html).toBe(`<ins>+ first
</ins>  line 1
  line 2
  line 3
<i>⋯ line 19</i>
  line 18
  line 19
  line 20
<ins>+ last
</ins>`);
});

test("a line is highlighted as in its file, and escaped", async () => {
  const program = (word: string) => `"""Says <${word}>,\n\nimport ${word}\n"""\n`;
  const { html } = await diff(program("one"), program("other"), "python");
  expect(html).toContain('− <span class="tok-comment">import one</span>');
  expect(html).toContain("Says &lt;other&gt;,");
});

test("files are compared by name; those that are equal, or in one program only, are left out", async () => {
  const before = [file("failing/plugin.ts", "a\n"), file("failing/worker.ts", "same\n")];
  const after = [
    file("fixed/plugin.ts", "b\n"),
    file("fixed/worker.ts", "same\n"),
    file("fixed/new.ts", "new\n"),
  ];
  expect(await diffPrograms(before, after)).toEqual([
    expect.objectContaining({ file: "plugin.ts", added: 1, removed: 1 }),
  ]);
  expect(await diffPrograms([], after)).toEqual([]);
});
