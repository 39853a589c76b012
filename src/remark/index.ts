/**
 * Brings the examples into the pages. A page contains no code: it names an example, and this plugin inserts the code
 * from the example's files at the time of the build. `elements.ts` lists the elements that a page can contain.
 *
 * A fenced block of a page is highlighted in the same way; one in Graphviz' language, ```` ```dot ````, is drawn.
 * The text after its language describes the diagram for readers who can't see it.
 */
import path from "node:path";
import type { Expression } from "estree";
import { valueToEstree } from "estree-util-value-to-estree";
import type { Code as Fence, Root, RootContent } from "mdast";
import type { MdxJsxFlowElement, MdxJsxTextElement } from "mdast-util-mdx";
import { visit } from "unist-util-visit";
import type { VFile } from "vfile";
import type { Code, PageElements } from "../protocol/page.ts";
import { draw } from "./diagram.ts";
import { ELEMENTS, type ElementName, isElementName } from "./elements.ts";
import { findLanguage, highlight, LANGUAGES, type Language } from "./highlight.ts";
import { findRegion, type MarkedFile } from "./regions.ts";

type Jsx = MdxJsxFlowElement | MdxJsxTextElement;

/**
 * The remark plugin.
 * @param options `root`: the repository's folder
 */
export default function remarkExamples({ root }: { root: string }) {
  return async (tree: Root, page: VFile): Promise<void> => {
    const whole = new WholeFiles();
    const found: { node: Jsx | Fence; replace: (by: MdxJsxFlowElement) => void }[] = [];
    visit(tree, (node, index, parent) => {
      const ours =
        node.type === "code" ||
        ((node.type === "mdxJsxFlowElement" || node.type === "mdxJsxTextElement") &&
          isElementName(node.name));
      if (ours && parent !== undefined && index !== undefined) {
        found.push({
          node: node as Jsx | Fence,
          replace: (by) => {
            parent.children[index] = by;
          },
        });
      }
    });
    for (const { node, replace } of found) {
      try {
        replace(node.type === "code" ? await fence(node) : await element(root, node, whole));
      } catch (error) {
        const place = `${path.relative(root, page.path)}:${node.position?.start.line}`;
        const cause = error as Error;
        page.fail(`${place}: ${cause.message}`, { place: node.position, cause });
      }
    }
    tree.children.unshift(...whole.declaration());
  };
}

async function fence(node: Fence): Promise<MdxJsxFlowElement> {
  const language = node.lang ?? "";
  if (language === "dot") {
    if (!node.meta) throw new Error('a diagram lacks its words; write them after "dot".');
    return jsx("Diagram", { svg: await draw(node.value), words: node.meta });
  }
  if (!Object.hasOwn(LANGUAGES, language)) {
    throw new Error(
      `a block of code names no language that is known; put one of these after the fence: ${Object.keys(LANGUAGES).join(", ")}, dot.`,
    );
  }
  return jsx("CodeBlock", { code: await block(`${node.value}\n`, language as Language) });
}

async function element(root: string, node: Jsx, whole: WholeFiles): Promise<MdxJsxFlowElement> {
  const { component, read } = ELEMENTS[node.name as ElementName];
  const show = (files: MarkedFile[], region?: string) => blocks(files, region, whole);
  return jsx(component, await read(attributes(node), { root, show }));
}

/** Makes the blocks that show a region; without one, those that show the whole files. */
async function blocks(
  files: MarkedFile[],
  region: string | undefined,
  whole: WholeFiles,
): Promise<Code[]> {
  if (region === undefined || files.length === 0) {
    return Promise.all(
      files.map(async ({ file, text }) => ({ ...(await block(text, fileLanguage(file))), file })),
    );
  }
  const found = findRegion(files, region);
  const { file, text } = found.file;
  const code = await block(found.region.text, fileLanguage(file));
  return [{ ...code, file, region, whole: whole.of(file, text) }];
}

async function block(text: string, language: Language): Promise<Code> {
  return { html: await highlight(text, language), language: LANGUAGES[language] };
}

function fileLanguage(file: string): Language {
  const language = findLanguage(file);
  if (language === undefined) {
    throw new Error(`${file}: no page can show a file with this ending.`);
  }
  return language;
}

function attributes(node: Jsx): Record<string, string> {
  const known: Record<string, string> = ELEMENTS[node.name as ElementName].attributes;
  const usage = `write <${node.name}${Object.entries(known)
    .map(([name, need]) => (need === "required" ? ` ${name}="…"` : ` [${name}="…"]`))
    .join("")} /> on a separate line.`;
  if (node.type === "mdxJsxTextElement" || node.children.length > 0) {
    throw new Error(`<${node.name}> stands inside other text, or has content; ${usage}`);
  }
  const given: Record<string, string> = {};
  for (const attribute of node.attributes) {
    if (
      attribute.type !== "mdxJsxAttribute" ||
      !Object.hasOwn(known, attribute.name) ||
      typeof attribute.value !== "string"
    ) {
      throw new Error(
        `<${node.name}> has an attribute that is not known, or no plain text; ${usage}`,
      );
    }
    given[attribute.name] = attribute.value;
  }
  for (const [name, need] of Object.entries(known)) {
    if (need === "required" && given[name] === undefined) {
      throw new Error(`<${node.name}> lacks its attribute "${name}"; ${usage}`);
    }
  }
  return given;
}

/**
 * The files that a page's regions come from. A page often shows many regions of one file, so the text for
 * "Copy whole file" is declared once in the page's module, and every block refers to it.
 */
class WholeFiles {
  static readonly #NAME = "wholeFiles";
  readonly #texts: Record<string, string> = {};

  /** Returns what stands for the text on the page: an expression. */
  of(file: string, text: string): string {
    this.#texts[file] = text;
    return new Reference({
      type: "MemberExpression",
      object: { type: "Identifier", name: WholeFiles.#NAME },
      property: { type: "Literal", value: file },
      computed: true,
      optional: false,
    }) as unknown as string;
  }

  declaration(): RootContent[] {
    if (Object.keys(this.#texts).length === 0) {
      return [];
    }
    return [
      {
        type: "mdxjsEsm",
        value: "",
        data: {
          estree: {
            type: "Program",
            sourceType: "module",
            body: [
              {
                type: "VariableDeclaration",
                kind: "const",
                declarations: [
                  {
                    type: "VariableDeclarator",
                    id: { type: "Identifier", name: WholeFiles.#NAME },
                    init: valueToEstree(this.#texts),
                  },
                ],
              },
            ],
          },
        },
      },
    ];
  }
}

/** An expression among the values of an attribute. */
class Reference {
  readonly expression: Expression;
  constructor(expression: Expression) {
    this.expression = expression;
  }
}

function jsx<Name extends keyof PageElements>(
  name: Name,
  values: PageElements[Name],
): MdxJsxFlowElement {
  return {
    type: "mdxJsxFlowElement",
    name,
    attributes: Object.entries(values).map(([attribute, value]) => ({
      type: "mdxJsxAttribute",
      name: attribute,
      value: {
        type: "mdxJsxAttributeValueExpression",
        value: "",
        data: {
          estree: {
            type: "Program",
            sourceType: "module",
            body: [
              {
                type: "ExpressionStatement",
                expression: valueToEstree(value, {
                  replacer: (part) => (part instanceof Reference ? part.expression : undefined),
                }),
              },
            ],
          },
        },
      },
    })),
    children: [],
  };
}
