/** Writes the command with which a reader sends a program's first request. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Program } from "../catalogue/catalogue.ts";
import type { RequestStep } from "../catalogue/scenario.ts";
import { fillPath, textBody } from "../harness/steps/request.ts";
import type { Orthanc } from "../orthanc/server.ts";

type Request = Pick<RequestStep, "name" | "method" | "path" | "headers"> &
  Partial<Pick<RequestStep, "body" | "text" | "file">>;

const SYSTEM: Request = { name: "system", method: "GET", path: "/system", headers: {} };

/**
 * Writes a line for a shell that sends the first request of a program with curl, as Orthanc's user.
 * @param names values for the names in the request's path
 */
export async function curlLine(
  { steps }: Pick<Program, "steps">,
  orthanc: Orthanc,
  names: Map<string, string>,
): Promise<string> {
  const step: Request = steps.find((one) => one.do === "request") ?? SYSTEM;
  // Other accounts can read curl's command line, but not the files in Orthanc's private folder.
  const credentials = path.join(orthanc.folder, "netrc");
  const login = `machine 127.0.0.1 login ${orthanc.user} password ${orthanc.password}\n`;
  await writeFile(credentials, login, { mode: 0o600 });
  const words = [
    "curl",
    ...(step.method === "GET" ? [] : ["-X", step.method]),
    ...Object.entries(step.headers).flatMap(([name, value]) => ["-H", quote(`${name}: ${value}`)]),
    ...dataOptions(step, orthanc),
    "--netrc-file",
    credentials,
    quote(orthanc.url + fillPath(step, names)),
  ];
  return words.join(" ");
}

function dataOptions(step: Request, { installation }: Orthanc): string[] {
  if (step.file)
    return ["--data-binary", quote(`@${path.join(installation.testFiles, step.file)}`)];
  const text = textBody(step);
  return text === undefined ? [] : ["--data-raw", quote(text)];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
