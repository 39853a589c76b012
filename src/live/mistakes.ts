/** Finds syntax errors in files that a reader has changed, before they are run. */
import path from "node:path";
import type { Mistake } from "./events.ts";

/**
 * @param files name to text; what ends in `.py` is read as Python, the rest as TypeScript
 * @returns the syntax errors, file by file from top to bottom
 */
export async function findMistakes(files: Record<string, string>): Promise<Mistake[]> {
  const found: Mistake[] = [];
  for (const [file, text] of Object.entries(files)) {
    const find = path.extname(file) === ".py" ? pythonMistakes : typescriptMistakes;
    found.push(...(await find(text)).map((mistake) => ({ file, ...mistake })));
  }
  return found;
}

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
