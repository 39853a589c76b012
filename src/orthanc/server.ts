/** A private Orthanc: started on free ports of this machine, with credentials and a storage of its own. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import getPort from "get-port";
import { Agent, fetch, type RequestInit, type Response } from "undici";
import { findOrthanc, type Installation, type Release } from "./installation.ts";
import { keepLog, makeSecret } from "./secrets.ts";

/** How long Orthanc may take to answer for the first time, in milliseconds. */
const START_LIMIT = 30_000;
/** How long the guard may take to end everything, in milliseconds: longer than all that it waits for. */
const GUARD_LIMIT = 30_000;
/** How much of the end of its log is told when it does not start, in characters. */
const LOG_TOLD = 20_000;
const GUARD = path.join(import.meta.dirname, "guard.js");
/** How many times Orthanc is started when others are faster to take the ports that were free. */
const TRIES = 5;
const PORT_TAKEN = /The TCP port of the (HTTP|DICOM) server is privileged or already in use/;
const USER = "reader";
const CONFIGURATION = "orthanc.json";

/** What to start Orthanc with. */
export interface OrthancOptions {
  /** The release of Debian whose Orthanc is started; without it, this machine's own. */
  release?: Release;
  /**
   * The Python plugin's script, an absolute path or one below Orthanc's private folder; without it, Orthanc
   * starts without the plugin.
   */
  script?: string;
  /** Files to write into Orthanc's private folder before it starts: name to text. */
  files?: Record<string, string>;
  /** Symbolic links to make there: name to what it points to. */
  links?: Record<string, string>;
  /** Users beside the one whose credentials `request` sends: name to password. */
  users?: Record<string, string>;
  /** Settings that are added to Orthanc's configuration. */
  configuration?: Record<string, unknown>;
  /** Variables that are added to Orthanc's environment. */
  environment?: Record<string, string>;
  /**
   * How many processes there may be at once, with Orthanc, how much memory they may use together, and how much they
   * may print, in bytes. Beyond that they are killed: that is then how Orthanc ended.
   */
  limits?: { processes: number; memory: number; log: number };
  /** Gives up starting, and kills what has started. */
  signal?: AbortSignal;
}

/** Orthanc did not start: why, with the end of its log. */
export class StartError extends Error {
  override name = "StartError";
}

/** A running private Orthanc. */
export interface Orthanc {
  /** Without a slash at the end. */
  url: string;
  user: string;
  password: string;
  pid: number;
  dicomPort: number;
  /** Its private folder: configuration, log, storage. Gone when Orthanc has stopped. */
  folder: string;
  storage: string;
  installation: Installation;
  /** Sends a request with the credentials, over a connection of its own for each that runs at once. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** Sends DICOM files over the network as a modality does. */
  send(files: string[]): Promise<void>;
  /** Everything that Orthanc and its plugin have printed so far; when it has ended, the last megabytes. */
  log(): Promise<string>;
  /** Where they print to, until Orthanc has ended. */
  logFile: string;
  /** Settles when Orthanc has ended, for whatever reason, and nothing of it is left: how it ended. */
  ended: Promise<string>;
  /**
   * What was still there after Orthanc had been stopped, or had ended by itself: processes that it had started, and
   * files in its temporary folder, each in a few words. They are gone when `ended` settles; empty until then.
   */
  left: string[];
  /** Ends Orthanc and all its descendants, and removes its folder. May be called more than once. */
  stop(): Promise<void>;
  /** The same, without giving them the time to end by themselves. */
  kill(): Promise<void>;
  /**
   * Kills Orthanc alone, as a lack of memory would, and starts it again on the same folder and ports. What it had
   * started may live on.
   * @throws StartError where it does not start again; nothing is left then
   */
  restart(): Promise<void>;
}

/**
 * Starts an Orthanc and waits until it answers. Authentication is on, for a user with a generated password.
 * It ends with this process, however this process ends.
 *
 * Orthanc can't be told to listen on loopback only before release 1.12: here it refuses other addresses
 * (`RemoteAccessAllowed: false`), and takes DICOM files from 127.0.0.1 alone.
 *
 * @throws InstallationError, PackagesError where there is no Orthanc
 * @throws StartError where it ends or does not answer within 30 seconds
 * @throws the signal's reason where it was aborted
 */
export async function startOrthanc(options: OrthancOptions = {}): Promise<Orthanc> {
  // A port is free when it is chosen, and may be taken before Orthanc listens there.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      const chosen = options.configuration ?? {};
      const ours = !("HttpPort" in chosen || "DicomPort" in chosen);
      const taken = error instanceof StartError && PORT_TAKEN.test(error.message);
      if (!taken || !ours || attempt === TRIES) throw error;
    }
  }
}

async function startOnce(options: OrthancOptions): Promise<Orthanc> {
  const { script, signal, files = {}, links = {} } = options;
  const installation = await findOrthanc({ release: options.release });
  // The guard makes it, so that there is none without somebody to remove it.
  const name = `orthanc-twins-${randomBytes(6).toString("base64url")}`;
  const folder = path.resolve(tmpdir(), name);
  const storage = path.join(folder, "storage");
  const temporary = path.join(folder, "tmp");
  const logFile = path.join(folder, "orthanc.log");
  const password = makeSecret();
  const httpPort = await getPort({ host: "127.0.0.1" });
  const dicomPort = await getPort({ host: "127.0.0.1" });
  const configuration = {
    Name: "Orthanc Twins",
    StorageDirectory: storage,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: true,
    RegisteredUsers: { ...options.users, [USER]: password },
    DicomPort: dicomPort,
    DicomAlwaysAllowStore: false,
    DicomCheckModalityHost: true,
    DicomModalities: {
      // It may store, and nothing else: DICOM knows no password, and other accounts can call themselves so.
      modality: {
        AET: "MODALITY",
        Host: "127.0.0.1",
        Port: dicomPort,
        AllowFind: false,
        AllowGet: false,
        AllowMove: false,
        AllowStore: true,
      },
    },
    ...(script && {
      Plugins: [installation.plugin],
      PythonScript: path.resolve(folder, script),
    }),
    ...options.configuration,
  };

  // From here on, nothing is awaited until the signal is listened to.
  signal?.throwIfAborted();
  const { command, args } = installation.orthanc;
  const guard = startGuard();
  if (guard.pid === undefined) {
    const [error] = await once(guard, "error");
    throw new StartError(`Orthanc's guard did not start (${error.message}): end other programs.`);
  }
  const task = {
    command,
    args: [...args, path.join(folder, CONFIGURATION)],
    env: {
      ...inherited(),
      ...installation.environment,
      ...options.environment,
      PYTHONUNBUFFERED: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      TMPDIR: temporary,
    },
    folder,
    folders: [storage, temporary],
    files: { ...files, [CONFIGURATION]: JSON.stringify(configuration, null, 2) },
    links,
    log: logFile,
    limits: options.limits,
  };
  guard.stdin.on("error", () => {});
  guard.stdin.write(`${JSON.stringify(task)}\n`);

  let pid = 0;
  let howItEnded: string | undefined;
  let lastLog = "";
  let left: string[] = [];
  createInterface({ input: guard.stdout }).on("line", (line) => {
    const message = JSON.parse(line) as {
      pid?: number;
      ended?: string;
      log?: string;
      left?: string[];
    };
    if (message.pid) pid = message.pid;
    if (message.ended) howItEnded = message.ended;
    if (message.log) lastLog = message.log;
    if (message.left) left = message.left;
  });
  const ended = once(guard, "close").then(async () => {
    keepLog(name, lastLog);
    if (howItEnded) return howItEnded;
    // Somebody has killed the guard. Orthanc leads a process group, whose id is its own.
    try {
      if (pid) process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended in the meantime.
    }
    const next = startGuard();
    next.stdin?.on("error", () => {}).end(`${JSON.stringify({ ...task, command: undefined })}\n`);
    await once(next, "close").catch(() => {});
    return "its guard was killed";
  });
  const stop = async () => {
    guard.stdin.end();
    // What it guards may have stopped it.
    const late = setTimeout(() => guard.kill("SIGKILL"), GUARD_LIMIT);
    await ended;
    clearTimeout(late);
    await agent.destroy();
  };
  const kill = () => {
    guard.stdin.write("kill\n");
    return stop();
  };

  const url = `http://127.0.0.1:${httpPort}`;
  const authorization = `Basic ${Buffer.from(`${USER}:${password}`).toString("base64")}`;
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const request = (target: string, init: RequestInit = {}) =>
    fetch(url + target, {
      dispatcher: agent,
      ...init,
      headers: { authorization, ...(init.headers as Record<string, string>) },
    });

  const log = () => readFile(logFile, "utf8").catch(() => lastLog);

  const untilItAnswers = async () => {
    const waiting = new AbortController();
    const answers = async () => {
      while (!waiting.signal.aborted) {
        const system = pid ? await request("/system").catch(() => undefined) : undefined;
        if (system?.ok) return true;
        await sleep(25);
      }
      return false;
    };
    const aborted = signal && once(signal, "abort").then(() => false);
    const started = await Promise.race([
      answers(),
      ended.then(() => false),
      sleep(START_LIMIT, false, { ref: false }),
      ...(aborted ? [aborted] : []),
    ]);
    waiting.abort();
    if (started) return;
    await kill();
    signal?.throwIfAborted();
    throw new StartError(
      `Orthanc did not start (${await ended}). Its log:\n${(await log()).slice(-LOG_TOLD)}`,
    );
  };
  const restart = () => {
    pid = 0;
    guard.stdin.write("restart\n");
    return untilItAnswers();
  };
  await untilItAnswers();

  return {
    url,
    user: USER,
    password,
    get pid() {
      return pid;
    },
    dicomPort,
    folder,
    storage,
    installation,
    request,
    send: (files) => sendFiles(installation, dicomPort, files),
    log,
    logFile,
    ended,
    get left() {
      return left;
    },
    stop,
    kill,
    restart,
  };
}

/**
 * What Orthanc gets of this process's environment. Settings for a Python are for another one than Orthanc's, and no
 * proxy stands between programs of this machine: Python's requests would ask it, too, and show it the credentials.
 */
function inherited(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env).filter(([name]) => !name.startsWith("PYTHON"));
  const { NO_PROXY, no_proxy = NO_PROXY } = process.env;
  const direct = [no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
  return { ...Object.fromEntries(variables), NO_PROXY: direct, no_proxy: direct };
}

/** The number of Linux's system call `prctl`. */
const PRCTL: Partial<Record<NodeJS.Architecture, number>> = { x64: 157, arm64: 167 };
/** `PR_SET_CHILD_SUBREAPER`, which a program keeps when it goes on as another one. */
const SUBREAPER = "syscall(shift, 36, 1, 0, 0, 0); exec @ARGV";
const PERL = "/usr/bin/perl";

/**
 * Starts a guard, where it can be done as the process to which all descendants fall whose parents have ended: it
 * finds them then, whatever they have done to be on their own. Node can't ask Linux for that itself; every Debian
 * has Perl.
 */
function startGuard() {
  const prctl = process.platform === "linux" && existsSync(PERL) ? PRCTL[process.arch] : undefined;
  const perl = prctl === undefined ? [] : [PERL, "-e", SUBREAPER, String(prctl)];
  const [command = "", ...args] = [...perl, process.execPath, GUARD];
  return spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: {}, detached: true });
}

async function sendFiles(installation: Installation, port: number, files: string[]) {
  const { command, args } = installation.dcmsend;
  const options = ["--decompress-never", "-aet", "MODALITY", "-aec", "ORTHANC"];
  await execa(command, [...args, ...options, "127.0.0.1", String(port), ...files], {
    env: installation.environment,
  });
}
