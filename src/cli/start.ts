/** `npm start`: opens the site with working Run buttons, and follows changes. Accepts Docusaurus's own options. */

import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { listening } from "../live/developmentServer.ts";
import { type Accounts, openingAddress, restrictToOwnAccount } from "../live/requestGuards.ts";

// Otherwise Docusaurus would use the environment's value, and its plugins would assume a production build.
process.env.NODE_ENV = "development";
const options = process.argv.slice(2);
const accounts = await restrictToOwnAccount();
process.argv.splice(2, Infinity, "start", "--host", "127.0.0.1", ...options);
if (typeof accounts !== "string") {
  // Docusaurus would open the address without the token.
  process.argv.push("--no-open");
  openWhenListening(accounts, !options.includes("--no-open"));
}
// @ts-expect-error: it has no types
await import("../../node_modules/@docusaurus/core/bin/docusaurus.mjs");

async function openWhenListening(accounts: Accounts, open: boolean): Promise<void> {
  const address = openingAddress(accounts, await listening);
  console.log(`Open ${address}`);
  if (!open) return;
  // As Docusaurus itself does.
  const { default: openBrowser } = createRequire(import.meta.url)(
    "@docusaurus/core/lib/commands/utils/openBrowser/openBrowser.js",
  );
  await openBrowser(await leadingTo(address));
}

/**
 * Other accounts can read what a browser is started with: what it opens is a file that only this account can read,
 * and that leads to the address. It is removed when this process ends.
 */
async function leadingTo(address: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "orthanc-twins-open-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "open.html");
  const page = `<!doctype html><meta http-equiv="refresh" content="0; url=${address}">\n`;
  await writeFile(file, page, { mode: 0o600 });
  return pathToFileURL(file).href;
}
