import TabItem from "@theme/TabItem";
import Tabs from "@theme/Tabs";
import type { ReactNode } from "react";
import type { Code } from "../protocol/page.ts";
import { CodeBlock } from "./CodeBlock.tsx";

/**
 * Both twins of an example. The chosen language applies to all pages, and is remembered.
 * @param props.run the example, if its whole programs are shown: a link leads to its run
 */
export function Twins(props: { python: Code[]; typescript: Code[]; run?: string }): ReactNode {
  const { python, typescript, run } = props;
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
      {run && (
        <p>
          <a href={`#run-${run}`}>See both run</a>, or test them in a clone of the repository:{" "}
          <code>npm run test:example -- {run}</code>
        </p>
      )}
    </>
  );
}

function blocks(codes: Code[]): ReactNode {
  return codes.map((code) => <CodeBlock key={code.file} code={code} />);
}
