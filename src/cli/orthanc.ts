/** `npm run orthanc`: starts a private Orthanc with one twin in the foreground, to try with curl. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Command, Option } from "commander";
import { readExample } from "../harness/example.ts";
import { startTwin } from "../harness/twin.ts";
import { TWINS, type Twin } from "../protocol/programs.ts";
import { main } from "./main.ts";

await new Command("npm run orthanc --")
  .description("Starts a private Orthanc that serves one twin of an example, until Ctrl-C.")
  .requiredOption("--example <id>", "the example")
  .addOption(new Option("--twin <twin>", "which twin").choices(TWINS).default("python"))
  .action((options: { example: string; twin: Twin }) => main(() => serve(options)))
  .parseAsync();

async function serve(options: { example: string; twin: Twin }): Promise<number> {
  const example = await readExample(options.example);
  const orthanc = await startTwin(example, options.twin);
  const [instance = "INSTANCE"] = (await (await orthanc.request("/instances")).json()) as string[];
  const [step] = example.steps;
  const target = step?.path.replace(/\{instance:[^}]+\}/, instance);
  const method = step?.method === "GET" ? "" : ` -X ${step?.method}`;
  const body = step?.body === undefined ? "" : ` -d '${JSON.stringify(step.body)}'`;
  // Other accounts can read curl's command line, but not the files in Orthanc's private folder.
  const credentials = path.join(orthanc.folder, "netrc");
  const login = `machine 127.0.0.1 login ${orthanc.user} password ${orthanc.password}\n`;
  await writeFile(credentials, login, { mode: 0o600 });
  console.log(`Orthanc serves the ${options.twin} twin of ${example.id}.

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
