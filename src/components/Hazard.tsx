import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import { LANGUAGE_NAMES } from "../format/languages.ts";
import type { PageElements } from "../protocol/page.ts";
import { Changes } from "./Changes.tsx";
import { CodeBlock } from "./CodeBlock.tsx";
import { Recorded } from "./RecordedRun.tsx";

/** The failing or the fixed programs of a hazard, each with its recorded run. */
export function Hazard({ scenario, programs, origin }: PageElements["Hazard"]): ReactNode {
  return (
    <Tabs groupId="language">
      {programs.map(({ language, code, changes = [], run, impossible }) => (
        <TabItem key={language} value={language} label={LANGUAGE_NAMES[language]}>
          {impossible && <p>{impossible}</p>}
          {code.map((block) => (
            <CodeBlock key={block.file} code={block} />
          ))}
          {changes.length > 0 && <Changes files={changes} />}
          {run && (
            <Recorded
              scenario={scenario}
              title={`${scenario}, ${run.program}`}
              anchor={`run-${scenario}-${run.program}`.replace(/\W+/g, "-")}
              programs={[run]}
              runs={[run]}
              origin={origin}
              conclusion={run.variant === "failing" ? "It fails, as expected." : "It is fixed."}
            />
          )}
        </TabItem>
      ))}
    </Tabs>
  );
}
