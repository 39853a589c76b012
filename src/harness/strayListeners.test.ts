import { expect, test } from "vitest";
import { startOrthanc } from "../orthanc/server.ts";
import { useOrthancs } from "../testing/useOrthancs.ts";
import { findStrayListeners } from "./strayListeners.ts";

const { startPlugin, track } = useOrthancs();

/** Listens in Orthanc itself, and in a process that it starts, which listens on all addresses. */
const LISTENS = `
import socket
import subprocess
own = socket.create_server(("127.0.0.1", 0))
program = "require('node:net').createServer().listen(undefined)"
subprocess.Popen([${JSON.stringify(process.execPath)}, "-e", program])
`;

test("Orthanc's own two ports are expected; other ports of Orthanc and its processes are stray", async () => {
  const alone = track(await startOrthanc());
  expect(findStrayListeners(alone)).toEqual([]);
  const orthanc = await startPlugin(LISTENS);
  await expect.poll(() => findStrayListeners(orthanc), { timeout: 20_000 }).toHaveLength(2);
  const [own, other] = findStrayListeners(orthanc);
  expect(own).toMatch(new RegExp(`^process ${orthanc.pid} \\(.+\\) listens on TCP port \\d+$`));
  expect(other).toMatch(/^process \d+ \(.+\) listens on TCP port \d+$/);
});
