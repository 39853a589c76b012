/** The thread that finds syntax errors: it is given files, name to text, and sends what it has found. */
import path from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { Mistake } from "./events.ts";

type Found = Omit<Mistake, "file">;

async function pythonMistakes(text: string): Promise<Found[]> {
  const { PositionEncoding, Workspace } = await import("@astral-sh/ruff-wasm-nodejs");
  const ruff = new Workspace({ lint: { select: [] } }, PositionEncoding.Utf16);
  const found: { message: string; start_location: { row: number; column: number } }[] =
    ruff.check(text);
  return found.map(({ message, start_location: { row, column } }) => ({
    line: row,
    column,
    message,
  }));
}

async function typescriptMistakes(text: string): Promise<Found[]> {
  const { default: typescript } = await import("typescript");
  const { diagnostics = [] } = typescript.transpileModule(text, {
    reportDiagnostics: true,
    compilerOptions: {
      target: typescript.ScriptTarget.ESNext,
      module: typescript.ModuleKind.ESNext,
    },
  });
  return diagnostics.map(({ file, start = 0, messageText }) => {
    const position = file?.getLineAndCharacterOfPosition(start);
    return {
      line: (position?.line ?? 0) + 1,
      column: (position?.character ?? 0) + 1,
      message: typescript.flattenDiagnosticMessageText(messageText, " "),
    };
  });
}

const found: Mistake[] = [];
for (const [file, text] of Object.entries<string>(workerData)) {
  const find = path.extname(file) === ".py" ? pythonMistakes : typescriptMistakes;
  for (const mistake of await find(text)) found.push({ file, ...mistake });
}
parentPort?.postMessage(found);
