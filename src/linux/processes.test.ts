import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { peakMemory, residentMemory } from "./memory.ts";
import {
  commandLine,
  descendants,
  environmentVariable,
  isRunning,
  openFiles,
  processorTime,
  programName,
  readProcess,
  runningProcesses,
  statusField,
  workingFolder,
} from "./processes.js";
import { LISTEN, listeningPorts, parseTcpTable } from "./sockets.ts";

/** The id of no process: the kernel's limit is lower. */
const NONE = 2 ** 30;

test("this process is read correctly", () => {
  const { pid, ppid } = process;
  expect(readProcess(pid)).toMatchObject({ pid, parent: ppid, ours: true });
  expect(runningProcesses().map((one) => one.pid)).toContain(pid);
  expect(readProcess(pid)?.threads).toBeGreaterThan(1);
  expect(workingFolder(pid)).toBe(process.cwd());
  expect(openFiles(pid).length).toBeGreaterThan(2);
  expect(processorTime(pid)).toBeGreaterThan(0);
  expect(statusField(pid, "Pid")).toBe(String(pid));
  expect(statusField(pid, "Nothing")).toBe(undefined);
  const memory = residentMemory(pid);
  expect(peakMemory(pid)).toBeGreaterThanOrEqual(memory);
  expect(Math.abs(memory - process.memoryUsage().rss)).toBeLessThan(50_000_000);
});

test("a child is read until its parent has noticed its end", async () => {
  const script = 'sleep 60 & printf "started\\n"; wait';
  const child = spawn("sh", ["-c", script], {
    cwd: tmpdir(),
    env: { ...process.env, GREETING: "a=b" },
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const pid = child.pid ?? 0;
  await once(child.stdout, "data");
  expect(readProcess(pid)?.group).toBe(pid);
  expect(commandLine(pid)).toBe(`sh -c ${script}`);
  expect(programName(pid)).toBe("sh");
  expect(environmentVariable(pid, "GREETING")).toBe("a=b");
  expect(environmentVariable(pid, "GREET")).toBe(undefined);
  const [grandchild = 0] = descendants(pid);
  // The shell may have printed before its child has become this program.
  await expect.poll(() => commandLine(grandchild)).toBe("sleep 60");
  expect(descendants(process.pid)).toEqual(expect.arrayContaining([pid, grandchild]));
  process.kill(-pid, "SIGKILL");
  await once(child, "close");
  expect(isRunning(pid)).toBe(false);
  // Its new parent notices its end in its own time.
  await expect.poll(() => isRunning(grandchild)).toBe(false);
});

test("a process that does not exist has nothing", () => {
  expect(readProcess(NONE)).toBe(undefined);
  expect(isRunning(NONE)).toBe(false);
  expect([commandLine(NONE), programName(NONE), workingFolder(NONE)]).toEqual(["", "", ""]);
  expect([descendants(NONE), openFiles(NONE), listeningPorts(NONE)]).toEqual([[], [], []]);
  expect([processorTime(NONE), residentMemory(NONE)]).toEqual([0, 0]);
});

test("the ports of this process are those that it listens on", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  expect(listeningPorts(process.pid)).toContain(port);
  server.close();
  await once(server, "close");
  expect(listeningPorts(process.pid)).not.toContain(port);
});

test("a table of sockets is read by its columns", () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000 100 0 0 10 0
`;
  expect(parseTcpTable(table)).toEqual([
    {
      local: "0100007F:1F90",
      remote: "00000000:0000",
      state: LISTEN,
      account: 1000,
      inode: "4242",
    },
  ]);
});
