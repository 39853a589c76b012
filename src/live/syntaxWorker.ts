/** The thread that finds syntax errors: it receives files, name to text, and sends what it has found. */
import path from "node:path";
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import type { SyntaxIssue } from "../protocol/live.ts";

type Issue = Omit<SyntaxIssue, "file">;

async function findInPython(text: string): Promise<Issue[]> {
  // Optimizing WebAssembly for one short search takes V8 seconds of two cores, and the end of this thread waits for it.
  setFlagsFromString("--liftoff-only");
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

async function findInTypescript(text: string): Promise<Issue[]> {
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

const found: SyntaxIssue[] = [];
for (const [file, text] of Object.entries<string>(workerData)) {
  const find = path.extname(file) === ".py" ? findInPython : findInTypescript;
  for (const issue of await find(text)) found.push({ file, ...issue });
}
parentPort?.postMessage(found);
