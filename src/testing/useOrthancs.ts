/** Orthancs that end with the test that has started them. */
import { afterEach } from "vitest";
import { readProgram } from "../catalogue/catalogue.ts";
import { type Files, readProgramFiles } from "../catalogue/files.ts";
import { type StartOptions, startProgram } from "../harness/program.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import { editProgram } from "./editProgram.ts";

const LOG_LINES = 40; // printed of a log

interface ExampleOptions extends Omit<StartOptions, "edited"> {
  /** Texts to replace in the program: text to replacement; each text must occur exactly once. */
  replace?: Record<string, string>;
  /** Files that are changed or added, or a function that makes them from the program's own files. */
  edited?: Files | ((files: Files) => Files);
}

/** Starts Orthancs for one test. */
interface Orthancs {
  /** Kills an Orthanc after the test. */
  track(orthanc: Orthanc): Orthanc;
  /**
   * Starts a program of an example or hazard.
   * @param program its name, such as `python` or `fixed typescript`
   */
  startExample(id: string, program: string, options?: ExampleOptions): Promise<Orthanc>;
  /** Starts an Orthanc whose Python plugin has this text. */
  startPlugin(text: string, options?: OrthancOptions): Promise<Orthanc>;
}

/**
 * Kills each Orthanc after the test that has started it: to stop would take it three seconds. If the test has failed,
 * the end of the Orthanc's log is printed. Call it at the top of a test file.
 */
export function useOrthancs(): Orthancs {
  const running: Orthanc[] = [];
  afterEach(async ({ task }) => {
    const started = running.splice(0);
    if (task.result?.state === "fail") {
      for (const orthanc of started) console.error(await endOfLog(orthanc));
    }
    await Promise.all(started.map((orthanc) => orthanc.kill()));
  });

  const track = (orthanc: Orthanc) => {
    running.push(orthanc);
    return orthanc;
  };
  return {
    track,
    startExample: async (id, name, { replace, edited = {}, ...options } = {}) => {
      const program = await readProgram(id, name);
      const changed =
        typeof edited === "function" ? edited(await readProgramFiles(program)) : edited;
      const replaced = replace ? await editProgram(id, name, replace) : {};
      const files = { ...changed, ...replaced };
      return track(await startProgram(program, { ...options, edited: files }));
    },
    startPlugin: async (text, options = {}) => {
      const files = { ...options.files, "plugin.py": text };
      return track(await startOrthanc({ ...options, script: "plugin.py", files }));
    },
  };
}

async function endOfLog(orthanc: Orthanc): Promise<string> {
  return (await orthanc.log()).split("\n").slice(-LOG_LINES).join("\n");
}
