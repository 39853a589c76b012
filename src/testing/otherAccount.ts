/** Runs programs under another account of this machine. */
import { execa, execaSync } from "execa";
import type { PlainAnswer, PlainRequest } from "./serveApp.ts";

/** An account that every Debian has and that owns nothing: `nobody`. */
export const OTHER = 65534;

/** The reason why nothing can run under another account here; undefined if it can. */
export const NO_OTHER_ACCOUNT =
  process.getuid?.() === 0 ? undefined : "only root can run something under another account";

/** The reason why nothing can run in a user namespace without a number for this account; undefined if it can. */
export const NO_NAMESPACE = (() => {
  const { failed, stderr } = execaSync("unshare", ["--user", "true"], { reject: false });
  return failed ? `there are no user namespaces here: ${stderr}` : undefined;
})();

/**
 * Sends the HTTP request on its standard input, as JSON, and prints the answer in the same form. Other accounts could
 * read the secrets in an argument.
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
 * Sends a request from a program of another account.
 * @param wrapper a command that starts the program, such as one that moves it into a namespace
 */
export async function askFromOther(
  host: string,
  asked: PlainRequest,
  wrapper: string[] = [],
): Promise<PlainAnswer> {
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
