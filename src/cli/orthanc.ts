/** `npm run orthanc`: starts a private Orthanc with one program in the foreground, to try with curl. */
import { once } from "node:events";
import { Command } from "commander";
import { findProgram, readScenario } from "../catalogue/catalogue.ts";
import { makeUsers, setStage } from "../harness/player.ts";
import { startProgram } from "../harness/program.ts";
import { addChoices, type Choices, fetchChoices } from "./choices.ts";
import { curlLine } from "./curl.ts";
import { main } from "./main.ts";

interface Options extends Choices {
  example: string;
  program: string;
}

const command = new Command("npm run orthanc --")
  .description(
    "Starts a private Orthanc that serves a program of an example or hazard, until Ctrl-C.",
  )
  .requiredOption("--example <id>", "the example or hazard")
  .option("--program <name>", "which program, such as typescript or 'fixed python'", "python")
  .action((options: Options) => main(() => serve(options)));
await addChoices(command).parseAsync();

async function serve(options: Options): Promise<number> {
  const scenario = await readScenario(options.example);
  const program = findProgram(scenario, options.program);
  const users = makeUsers(program);
  const orthanc = await startProgram(program, { ...(await fetchChoices(options)), users });
  const { signal } = new AbortController();
  const { names } = await setStage(scenario, program, orthanc, { users, signal });
  const others = Object.entries(users).map(
    ([name, password]) => `
  user      ${name}
  password  ${password}`,
  );
  console.log(`Orthanc serves the program "${program.program}" of ${scenario.id}.

  URL       ${orthanc.url}
  user      ${orthanc.user}
  password  ${orthanc.password}${others.join("")}
  DICOM     127.0.0.1:${orthanc.ports.dicom}

Try:
  ${await curlLine(program, orthanc, names)}

Ctrl-C ends it.`);

  const interrupted = Promise.race(
    ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => once(process, signal)),
  );
  const ended = await Promise.race([interrupted.then(() => undefined), orthanc.ended]);
  if (ended !== undefined) {
    console.error(`Orthanc has ended by itself (${ended}). The end of its log:`);
    console.error((await orthanc.log()).split("\n").slice(-20).join("\n"));
    return 1;
  }
  await orthanc.stop();
  return 0;
}
