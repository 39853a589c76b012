/** Plays a step that kills Orthanc and starts it again. */
import type { RestartStep } from "../../catalogue/scenario.ts";
import { StartError } from "../../orthanc/startError.ts";
import type { Outcome } from "../../protocol/run.ts";
import { readTokens } from "../credentials.ts";
import { findLine } from "../log.ts";
import type { Stage } from "../stage.ts";

/** Kills Orthanc, and starts it again. */
export async function restartOrthanc({ expect }: RestartStep, stage: Stage): Promise<Outcome> {
  stage.earlierTokens = await readTokens(stage.orthanc);
  try {
    await stage.orthanc.restart();
    return { type: "restarted" };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return { type: "not restarted", log: expect.fails && findLine(error.message, expect.fails) };
  }
}
