import { createStorageSlot } from "@docusaurus/theme-common";
import { lazy, type ReactNode, Suspense, useEffect, useMemo, useReducer, useState } from "react";
import type { RunEvent, ScenarioFiles, SyntaxIssue } from "../protocol/live.ts";
import type { ProgramName } from "../protocol/programs.ts";
import { Countdown } from "./Countdown.tsx";
import { Findings, RunFindings } from "./Findings.tsx";
import styles from "./LiveRun.module.css";
import { fetchFiles, followRun, startRun, stopRun } from "./liveClient.ts";
import { applyEvent, describeProgram, initialState, type LiveState } from "./liveState.ts";
import type { RunnableProps } from "./runnable.ts";
import { Timeline } from "./Timeline.tsx";
import { Transcript } from "./Transcript.tsx";
import { useEdits } from "./useEdits.ts";

const Editor = lazy(() => import("./Editor.tsx"));

const NONE: SyntaxIssue[] = [];

type Action =
  | { type: "event"; programs: ProgramName[]; event: RunEvent }
  | { type: "requested" }
  | { type: "refused"; reason: string }
  | { type: "connection"; lost: boolean }
  | { type: "gone"; reason: string };

function reduce(state: LiveState, action: Action): LiveState {
  switch (action.type) {
    case "requested":
      return { ...initialState, status: "The run is requested.", running: true };
    case "refused":
      return {
        ...initialState,
        status: action.reason,
        end: { how: "failed", reason: action.reason },
      };
    case "connection":
      return { ...state, lost: action.lost && state.running };
    case "gone":
      return {
        ...state,
        status: action.reason,
        running: false,
        lost: false,
        hangsUntil: undefined,
      };
  }
  return applyEvent(action.programs, state, action.event);
}

/**
 * Runs programs of a scenario on a live Orthanc, and shows the progress.
 * @param props.recorded shown until the reader has started a run
 */
export default function LiveRun(props: RunnableProps & { recorded: ReactNode }): ReactNode {
  const { scenario, title, anchor, recorded } = props;
  // The page makes a new, equal list each time that it is rendered.
  const [programs] = useState(props.programs);
  const [lastRun] = useState(() =>
    createStorageSlot(`run-${title}`, { persistence: "sessionStorage" }),
  );
  const [files, setFiles] = useState<ScenarioFiles>();
  const [calls, setCalls] = useState<number>();
  const [id, setId] = useState<string>();
  const [state, dispatch] = useReducer(reduce, initialState);
  const [editing, setEditing] = useState(false);
  const { edited, outdated, edit, reset, kept } = useEdits(title);
  const changes = Object.keys(edited);
  const originals: Record<string, string> = Object.assign(
    {},
    ...programs.map(({ program }) => files?.files[program]),
  );
  const old = changes.filter((file) => files && outdated(file, originals[file] ?? ""));

  // After a reload, a run that has not ended is shown again.
  useEffect(() => {
    setId(lastRun.get() ?? undefined);
  }, [lastRun]);

  useEffect(() => {
    fetchFiles(scenario).then(setFiles, (error) =>
      dispatch({ type: "refused", reason: error.message }),
    );
  }, [scenario]);

  useEffect(() => {
    if (id === undefined) return;
    dispatch({ type: "requested" });
    return followRun(id, {
      event: (event) => dispatch({ type: "event", programs, event }),
      connection: (lost) => dispatch({ type: "connection", lost }),
      gone: (reason) => {
        lastRun.del();
        setId(undefined);
        dispatch({ type: "gone", reason });
      },
    });
  }, [id, lastRun, programs]);

  const run = async (chosen: ProgramName[]) => {
    // Until this run has an id, Stop has nothing to stop: least of all the run before.
    setId(undefined);
    dispatch({ type: "requested" });
    try {
      const started = await startRun({
        scenario,
        programs: chosen.map(({ program }) => program),
        calls,
        edited,
      });
      lastRun.set(started);
      setId(started);
    } catch (error) {
      dispatch({ type: "refused", reason: (error as Error).message });
    }
  };

  const stop = async (run: string) => {
    try {
      await stopRun(run);
    } catch (error) {
      // Without an answer, no event will follow.
      setId(undefined);
      dispatch({ type: "gone", reason: (error as Error).message });
    }
  };

  const { running } = state;
  const shown = running || state.end !== undefined || state.runs.length > 0;
  return (
    <section
      className={styles.panel}
      id={anchor}
      aria-label={`Live run of ${title}`}
      data-live={title}
    >
      <div className={styles.tools}>
        {programs.map((program) => (
          <button
            key={program.program}
            type="button"
            disabled={running}
            onClick={() => run([program])}
          >
            Run {describeProgram(program)}
          </button>
        ))}
        {programs.length > 1 && (
          <button type="button" disabled={running} onClick={() => run(programs)}>
            Run both
          </button>
        )}
        <button type="button" disabled={!running || !id} onClick={() => id && stop(id)}>
          Stop
        </button>
        <button
          type="button"
          disabled={!files}
          aria-expanded={editing}
          onClick={() => setEditing(!editing)}
        >
          Edit
        </button>
        {files?.calls !== undefined && (
          <label>
            Calls at once{" "}
            <select
              value={calls ?? files.calls}
              disabled={running}
              onChange={(event) => setCalls(Number(event.target.value))}
            >
              {[1, 2, 3, 4, 5, 6, 7, 8].map((count) => (
                <option key={count} value={count}>
                  {count}
                  {count === files.calls && " (the example's own)"}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p className={styles.status} role="status">
        {state.lost ? "The server does not answer. Trying again …" : state.status}
      </p>
      {state.hangsUntil !== undefined && (
        <p className={styles.status}>
          <Countdown until={state.hangsUntil} />
        </p>
      )}
      {running && (
        <progress
          className={styles.progress}
          aria-label="Steps and calls that are over"
          max={Math.max(1, state.calls)}
          value={state.calls > 0 ? state.answered : undefined}
        />
      )}
      {changes.length > 0 && (
        <p className={styles.status}>
          You have changed {changes.join(", ")}; it runs as changed.{" "}
          {!kept && "Your browser does not keep the change for the next time. "}
          {old.length > 0 && `The original ${old.join(", ")} is another one since then. `}
          <button type="button" onClick={reset}>
            Reset
          </button>
        </p>
      )}
      {editing && files && (
        <Suspense fallback={<p className={styles.status}>The editor loads.</p>}>
          <Files
            files={originals}
            edited={edited}
            issues={state.end?.how === "invalid" ? state.end.issues : NONE}
            onEdit={edit}
          />
        </Suspense>
      )}
      {state.end?.how === "invalid" && (
        <Findings
          title="Syntax errors"
          sentences={state.end.issues.map(
            ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
          )}
        />
      )}
      {shown ? <Live state={state} programs={programs} /> : recorded}
    </section>
  );
}

/** An editor for one of the files, and the choice of the file. */
function Files(props: {
  files: Record<string, string>;
  edited: Record<string, string>;
  issues: SyntaxIssue[];
  onEdit: (file: string, text: string, original: string) => void;
}): ReactNode {
  const { files, edited, issues, onEdit } = props;
  const names = Object.keys(files);
  const [chosen, setChosen] = useState(names[0] ?? "");
  const wrong = issues[0]?.file;
  useEffect(() => {
    if (wrong !== undefined) setChosen(wrong);
  }, [wrong]);
  const original = files[chosen] ?? "";
  const own = useMemo(() => issues.filter(({ file }) => file === chosen), [issues, chosen]);
  return (
    <div className={styles.editor}>
      <label>
        File{" "}
        <select value={chosen} onChange={(event) => setChosen(event.target.value)}>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Editor
        key={chosen}
        file={chosen}
        text={edited[chosen] ?? original}
        issues={own}
        onChange={(text) => onEdit(chosen, text, original)}
      />
    </div>
  );
}

function Live(props: { state: LiveState; programs: ProgramName[] }): ReactNode {
  const { state, programs } = props;
  const { runs, log, end } = state;
  return (
    <>
      {end?.how === "played" && <RunFindings end={end} />}
      {end?.how === "failed" && <pre className={styles.log}>{end.reason}</pre>}
      <Timeline runs={runs} />
      <Transcript runs={runs} />
      {programs
        .filter(({ program }) => log[program] !== undefined)
        .map((program) => (
          <details key={program.program} className={styles.fold}>
            <summary>Log of Orthanc and the {describeProgram(program)} program</summary>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, by keyboard too */}
            <pre className={styles.log} tabIndex={0}>
              {log[program.program]}
            </pre>
          </details>
        ))}
      {end?.how === "played" && end.versions && (
        <p className={styles.versions}>
          Live, on Orthanc {end.versions.orthanc} with its Python plugin {end.versions.plugin},
          Python {end.versions.python}, Node {end.versions.node}.
        </p>
      )}
    </>
  );
}
