/** Orthancs that end with the test that has started them. */
import { afterAll, afterEach } from "vitest";
import { readExample } from "../harness/example.ts";
import { readHazard } from "../harness/hazard.ts";
import { readTwinFiles, startTwin, type TwinFiles, type TwinOptions } from "../harness/twin.ts";
import { type Orthanc, type OrthancOptions, startOrthanc } from "../orthanc/server.ts";
import type { Twin, Variant } from "../protocol/programs.ts";
import { editProgram } from "./editProgram.ts";

const LOG_LINES = 40; // printed of a log

interface ExampleOptions extends TwinOptions {
  /** Texts to replace in the twin's program: text to replacement; each text must occur exactly once. */
  replace?: Record<string, string>;
}

/** Starts Orthancs for one test. */
interface Orthancs {
  /** Ends an Orthanc after the test. */
  track(orthanc: Orthanc): Orthanc;
  /** Starts a twin of an example. */
  startExample(id: string, twin: Twin, options?: ExampleOptions): Promise<Orthanc>;
  /**
   * Starts a program of a hazard after a change.
   * @param edit receives the program's own files, and returns those that it has changed or added
   */
  startHazard(
    id: string,
    variant: Variant,
    twin: Twin,
    edit: (files: TwinFiles) => TwinFiles,
  ): Promise<Orthanc>;
  /** Starts an Orthanc whose Python plugin has this text. */
  startPlugin(text: string, options?: OrthancOptions): Promise<Orthanc>;
}

/**
 * Ends each Orthanc after the test that has started it, without waiting: an Orthanc takes three seconds to stop, in
 * which the next test can run. If the test has failed, the end of the Orthanc's log is printed. Call it at the top of
 * a test file.
 */
export function useOrthancs(): Orthancs {
  const running: Orthanc[] = [];
  const stopping: Promise<unknown>[] = [];
  afterEach(async ({ task }) => {
    const started = running.splice(0);
    if (task.result?.state === "fail") {
      for (const orthanc of started) console.error(await endOfLog(orthanc));
    }
    stopping.push(...started.map((orthanc) => orthanc.stop()));
  });
  afterAll(() => Promise.all(stopping));

  const track = (orthanc: Orthanc) => {
    running.push(orthanc);
    return orthanc;
  };
  return {
    track,
    startExample: async (id, twin, { replace, ...options } = {}) => {
      const edited = replace ? await editProgram(id, twin, replace) : {};
      const example = await readExample(id);
      return track(
        await startTwin(example, twin, { ...options, edited: { ...options.edited, ...edited } }),
      );
    },
    startHazard: async (id, variant, twin, edit) => {
      const { folder, routes } = await readHazard(id);
      const program = { folder: `${folder}/${variant}`, routes, instances: [] };
      const edited = edit(await readTwinFiles(program, twin));
      return track(await startTwin(program, twin, { edited }));
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
