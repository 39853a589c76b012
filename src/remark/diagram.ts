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
    // Graphviz knows Helvetica's widths. Browsers show text in another font, and smaller, so that it fits in any.
    graphAttributes: {
      bgcolor: "none",
      fontname: "Helvetica",
      fontsize: 15,
      pad: 0.05,
      nodesep: 0.3,
    },
    nodeAttributes: {
      shape: "box",
      style: "rounded",
      fontname: "Helvetica",
      fontsize: 15,
      margin: "0.14,0.08",
      height: 0.4,
    },
    edgeAttributes: { fontname: "Helvetica", fontsize: 15, arrowsize: 0.7 },
  });
  return svg
    .slice(svg.indexOf("<svg"))
    .replace(/<title>[^<]*<\/title>\n?/g, "")
    .replace(/<!--.*?-->\n?/gs, "")
    .replace(/ (?:fill|stroke|font-family|font-size|xmlns:xlink)="[^"]*"/g, "")
    .replace("<svg ", '<svg aria-hidden="true" ')
    .trim();
}
