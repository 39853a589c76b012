/** Draws diagrams while the site is built, so that a page needs no library for them. */
import { instance } from "@viz-js/viz";

const viz = instance();

/**
 * Draws a graph in Graphviz' language. Colours are left to src/components/Diagram.module.css: a node's `class`
 * is its kind (`process`, `thread`, `data`; a `bad` edge is one that fails).
 * @returns an `<svg>` whose size is what a phone shows without making it smaller
 * @throws Error with Graphviz' reason where the graph is wrong
 */
export async function draw(graph: string): Promise<string> {
  const svg = (await viz).renderString(graph, {
    format: "svg",
    // Helvetica's widths are known to Graphviz, and near those of the fonts that browsers have.
    graphAttributes: {
      bgcolor: "none",
      fontname: "Helvetica",
      fontsize: 14,
      pad: 0.05,
      nodesep: 0.3,
    },
    nodeAttributes: {
      shape: "box",
      style: "rounded",
      fontname: "Helvetica",
      fontsize: 14,
      margin: "0.14,0.08",
      height: 0.4,
    },
    edgeAttributes: { fontname: "Helvetica", fontsize: 13, arrowsize: 0.7 },
  });
  return svg
    .slice(svg.indexOf("<svg"))
    .replace(/<title>[^<]*<\/title>\n?/g, "")
    .replace(/<!--.*?-->\n?/gs, "")
    .replace(/ (?:fill|stroke|font-family|xmlns:xlink)="[^"]*"/g, "")
    .replace("<svg ", '<svg aria-hidden="true" ')
    .trim();
}
