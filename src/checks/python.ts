/**
 * Formats and lints the Python files below `examples/` with Ruff, by the rules in `ruff.toml`: checks them, or with
 * `--write` fixes their format.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { PositionEncoding, Workspace } from "@astral-sh/ruff-wasm-nodejs";
import { parse } from "smol-toml";
import { EXAMPLES } from "../catalogue/catalogue.ts";

const RULES = path.resolve(import.meta.dirname, "../../ruff.toml");
const ruff = new Workspace(parse(await readFile(RULES, "utf8")), PositionEncoding.Utf16);
const write = process.argv.includes("--write");
const names = (await readdir(EXAMPLES, { recursive: true })).filter((name) => /\.pyi?$/.test(name));

let problems = 0;
for (const name of names.sort()) {
  const file = path.join(EXAMPLES, name);
  const text = await readFile(file, "utf8");
  const formatted = ruff.format(text);
  if (formatted !== text) {
    if (write) await writeFile(file, formatted);
    else report(name, 1, "is not formatted: run npm run format");
  }
  if (name.endsWith(".pyi")) continue;
  for (const { code, message, start_location } of ruff.check(formatted)) {
    report(name, start_location.row, `${code} ${message}`);
  }
}
console.log(`Ruff: ${names.length} Python files, ${problems} problems`);
process.exitCode = problems > 0 ? 1 : 0;

function report(name: string, line: number, message: string): void {
  problems += 1;
  console.error(`examples/${name}:${line}: ${message}`);
}
