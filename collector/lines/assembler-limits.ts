/** What cuts events, and what the user says of them. */
export interface AssemblerLimits {
  lineBytesMax: number;
  openEventLinesMax: number;
  openEventBytesMax: number;
  openEventMsMax: number;
  /** Zone of times that name none, or `auto`; UTC where absent. */
  timeZone?: string;
  /** How events of several lines begin, by the user's rules (`multiline-rules.ts`); none where absent. */
  multilineStart?: readonly string[];
  /** How the user's own lines look (`collector/patterns/`); none where absent. */
  patterns?: readonly string[];
  /** Names and patterns of ids that are the user's own (`collector/ids/own-rules.ts`); none where absent. */
  idFields?: readonly string[];
  idPatterns?: readonly string[];
}
