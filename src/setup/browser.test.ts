import { execa } from "execa";
import { expect, test } from "vitest";
import { findBrowser } from "./browser.ts";

test("the browser starts with the libraries that are found with it", async () => {
  const { executablePath, env } = await findBrowser();
  const { stdout } = await execa(executablePath, ["--version", "--no-sandbox"], { env });
  expect(stdout).toMatch(/Chrom\S* .*\d+\.\d+/);
});
