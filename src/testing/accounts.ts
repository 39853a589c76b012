/** Programs of another account of this machine. */
import { execa, execaSync } from "execa";
import type { Answer, Asked } from "../live/served.ts";

/** An account that every Debian has and that owns nothing: `nobody`. */
export const OTHER = 65534;

/** Why nothing can run under another account here; undefined if it can. */
export const NO_OTHER_ACCOUNT =
  process.getuid?.() === 0 ? undefined : "only root can run something under another account";

/** Why nothing can run in a user namespace in which this account has no number; undefined if it can. */
export const NO_NAMESPACE = (() => {
  const { failed, stderr } = execaSync("unshare", ["--user", "true"], { reject: false });
  return failed ? `there are no user namespaces here: ${stderr}` : undefined;
})();

/**
 * Asks an HTTP server: what its standard input says, as JSON. Prints the answer likewise. An argument would be seen
 * by all accounts, with the secrets in it.
 */
const ASKING = `
import { request } from "node:http";
import { json } from "node:stream/consumers";
const { host, method, path, headers, body } = await json(process.stdin);
const [, hostname, port] = /^\\[?(.*?)\\]?:(\\d+)$/.exec(host);
const asked = request({ hostname, port, method, path, headers: { host, ...headers } });
asked.once("response", async (response) => {
  response.setEncoding("utf8");
  let text = "";
  for await (const piece of response) text += piece;
  console.log(JSON.stringify({ status: response.statusCode, headers: response.headers, text }));
});
asked.end(body);
`;

/**
 * Asks a server from a program of another account.
 * @param wrapper a command that starts the program, such as one that moves it into a namespace
 */
export async function askFromOther(
  host: string,
  asked: Asked,
  wrapper: string[] = [],
): Promise<Answer> {
  const program = runAsOther(ASKING, [], wrapper);
  program.stdin.end(JSON.stringify({ host, ...asked }));
  return JSON.parse((await program).stdout);
}

/** Runs an ES module under another account to its end. */
export function runAsOther(module: string, args: string[], wrapper: string[] = []) {
  const [command = "", ...all] = [
    ...wrapper,
    process.execPath,
    "--input-type=module",
    "--eval",
    module,
    ...args,
  ];
  return execa(command, all, { uid: OTHER, gid: OTHER, cwd: "/", env: { TMPDIR: "/tmp" } });
}
