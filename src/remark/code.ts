/** What the remark plugin hands to the components. */

/** One block of code. */
export interface Code {
  /** Highlighted; its text content is the code itself. */
  html: string;
  /** What the block is headed with where it comes from no file, such as `Shell`. */
  language: string;
  /** Below the repository's folder, such as `examples/worker-pool/plugin.py`; not where the page itself has the code. */
  file?: string;
  /** Where only a region of the file is shown. */
  region?: string;
  /** Where only a region is shown: the file it comes from, without the marks of regions. */
  whole?: string;
}
