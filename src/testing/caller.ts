/**
 * For tests: a program that starts an Orthanc which is then busy until the program is ended. It prints one line of
 * JSON, what that Orthanc occupies, when it has started. `caller.ts python|typescript|careless [polite]`: a twin with
 * busy workers, or a plugin that looks after nothing; if it is polite, it ends on signals as the commands do.
 */
import { endOnInterrupt } from "../cli/main.ts";
import { readExample, type Twin } from "../harness/example.ts";
import { startTwin } from "../harness/twin.ts";
import { startOrthanc } from "../orthanc/server.ts";

/** Leaves what a program can leave: a child that hides and is deaf, a named semaphore, a socket, a folder. */
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
    : await startTwin(await readExample("worker-pool"), kind as Twin);
const { folder, pid, dicomPort } = orthanc;
const ports = [Number(new URL(orthanc.url).port), dicomPort];
console.log(JSON.stringify({ folder, pids: [pid], ports }));
for (;;) {
  const calls = [1, 2].map(() => orthanc.request("/computation?count=3000000"));
  for (const response of await Promise.all(calls)) await response.text();
}
