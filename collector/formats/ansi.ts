/** CSI sequences (colours, cursor), OSC sequences (titles, links), and the two-character rest. */
 
const sequences = /\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])/g;

/** Text without what steers a terminal. */
export function withoutAnsi(text: string): string {
  return text.includes('\x1b') ? text.replace(sequences, '') : text;
}
