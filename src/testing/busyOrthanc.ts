/**
 * A program that starts an Orthanc and keeps it busy. When Orthanc has started, the program prints one line of JSON:
 * what Orthanc occupies. `busyOrthanc.ts python|typescript|careless [polite]` starts a twin with busy workers, or a
 * plugin that cleans nothing up; a polite program ends on signals, as the commands do.
 */

import { readProgram } from "../catalogue/catalogue.ts";
import { endOnInterrupt } from "../cli/main.ts";
import { startProgram } from "../harness/program.ts";
import { startOrthanc } from "../orthanc/server.ts";

/** Leaves all that a program can leave: a detached child that ignores signals, a named semaphore, a socket, a folder. */
const CARELESS = `
import _multiprocessing, os, signal, socket, subprocess, tempfile, orthanc
subprocess.Popen(
    ["sh", "-c", "trap '' TERM INT HUP; setsid sleep 600 & sleep 600"],
    env={"PATH": os.environ["PATH"]}, cwd="/", start_new_session=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
semaphore = _multiprocessing.SemLock(1, 1, 1, f"/mp-careless-{os.getpid()}", False)
listening = socket.socket(socket.AF_UNIX)
listening.bind(tempfile.mkdtemp() + "/socket")
listening.listen()
def answer(output, uri, **request):
    output.AnswerBuffer("careless", "text/plain")
orthanc.RegisterRestCallback("/computation", answer)
`;

const [kind, polite] = process.argv.slice(2);
if (polite) endOnInterrupt();
const orthanc =
  kind === "careless"
    ? await startOrthanc({ script: "plugin.py", files: { "plugin.py": CARELESS } })
    : await startProgram(await readProgram("worker-pool", kind ?? ""));
const { folder, pid, ports } = orthanc;
console.log(JSON.stringify({ folder, pids: [pid], ports: Object.values(ports) }));
for (;;) {
  const calls = [1, 2].map(() => orthanc.request("/computation?count=3000000"));
  for (const response of await Promise.all(calls)) await response.text();
}
