/** `npm run serve`: serves the production build, with working Run buttons or as a static host does. */
import { existsSync } from "node:fs";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Command, InvalidArgumentError } from "commander";
import { GuardedServer, openingAddress, restrictToOwnAccount } from "../live/requestGuards.ts";
import { createSite } from "../live/site.ts";
import { endOnInterrupt } from "./main.ts";

const BUILD = path.resolve(import.meta.dirname, "../../build");

const command = new Command("npm run serve --")
  .description("Serves the output of npm run build on 127.0.0.1.")
  .option("--port <port>", "the port to listen on", parsePort, 3000)
  .option("--folder <folder>", "another build to serve", BUILD)
  .option("--static", "without the API: pages show their recorded runs, as on any static host")
  .action(run);

await command.parseAsync();

async function run(options: { port: number; folder: string; static?: boolean }): Promise<void> {
  if (!existsSync(path.join(options.folder, "index.html"))) {
    command.error("There is no build yet. Run: npm run build");
  }
  endOnInterrupt();
  const accounts = options.static ? "all" : await restrictToOwnAccount();
  const { fetch } = createSite(options.folder, !options.static);
  const listener = getRequestListener(fetch);
  const server = new GuardedServer(accounts, listener);
  server.on("error", (error) => command.error(`The site can't be served: ${error.message}`));
  server.listen(options.port, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    console.log(`The site is on ${openingAddress(accounts, port)}`);
    console.log(options.static ? "Its pages show recorded runs." : "Its Run buttons work.");
    console.log("Ctrl-C ends it.");
  });
}

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new InvalidArgumentError("A port is a whole number from 0 to 65535.");
}
