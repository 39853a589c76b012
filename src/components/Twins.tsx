import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import type { Code, PageElements } from "../protocol/page.ts";
import { CodeBlock } from "./CodeBlock.tsx";

/** Both twins of an example. The chosen language applies to all pages, and is remembered. */
export function Twins({ python, typescript, scenario }: PageElements["Twins"]): ReactNode {
  return (
    <>
      <Tabs groupId="language">
        <TabItem value="python" label="Python">
          {blocks(python)}
        </TabItem>
        <TabItem value="typescript" label="TypeScript">
          {blocks(typescript)}
        </TabItem>
      </Tabs>
      {scenario && (
        <p>
          <a href={`#run-${scenario}`}>See both run</a>, or test them in a clone of the repository:{" "}
          <code>npm run test:example -- {scenario}</code>
        </p>
      )}
    </>
  );
}

function blocks(codes: Code[]): ReactNode {
  return codes.map((code) => <CodeBlock key={code.file} code={code} />);
}
