/** `npm run orthanc`: starts a private Orthanc with one program in the foreground, to try with curl. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Command } from "commander";
import { findProgram, readScenario } from "../catalogue/catalogue.ts";
import { startProgram } from "../harness/program.ts";
import { main } from "./main.ts";

await new Command("npm run orthanc --")
  .description(
    "Starts a private Orthanc that serves a program of an example or hazard, until Ctrl-C.",
  )
  .requiredOption("--example <id>", "the example or hazard")
  .option("--program <name>", "which program, such as typescript or 'fixed python'", "python")
  .action((options: { example: string; program: string }) => main(() => serve(options)))
  .parseAsync();

async function serve(options: { example: string; program: string }): Promise<number> {
  const scenario = await readScenario(options.example);
  const program = findProgram(scenario, options.program);
  const orthanc = await startProgram(program);
  const [instance = "INSTANCE"] = (await (await orthanc.request("/instances")).json()) as string[];
  const step = program.steps.find((one) => one.do === "request");
  const target = (step?.path ?? "/system").replace(/\{instance:[^}]+\}/, instance);
  const method = !step || step.method === "GET" ? "" : ` -X ${step.method}`;
  const body = step?.body === undefined ? "" : ` -d '${JSON.stringify(step.body)}'`;
  // Other accounts can read curl's command line, but not the files in Orthanc's private folder.
  const credentials = path.join(orthanc.folder, "netrc");
  const login = `machine 127.0.0.1 login ${orthanc.user} password ${orthanc.password}\n`;
  await writeFile(credentials, login, { mode: 0o600 });
  console.log(`Orthanc serves the program "${program.program}" of ${scenario.id}.

  URL       ${orthanc.url}
  user      ${orthanc.user}
  password  ${orthanc.password}
  DICOM     127.0.0.1:${orthanc.ports.dicom}

Try:
  curl${method}${body} --netrc-file ${credentials} '${orthanc.url}${target}'

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
