/** Reads the lines of one stream: by what the user says of its service, and with what is known of a line's time beside the line. */
import { notKnownWhen, type WhenRead } from '../fields/time.ts';
import { autoZone, zoneByReading, zoneOf, type Zone } from '../fields/zone.ts';
import { beginsOpen, continues, openByRule, type ContinuationState } from '../formats/continuation.ts';
import { bareText, understandLine } from '../formats/understand.ts';
import type { Understood } from '../formats/understood.ts';
import { useOwnIdRules } from '../ids/own-rules.ts';
import { patternsOf, type Patterns, type ServicePatterns } from '../patterns/patterns.ts';
import type { AssemblerLimits } from './assembler-limits.ts';
import { multilineRulesOf, type MultilineRule, type MultilineRules } from './multiline-rules.ts';

export class LineReader {
  private readonly limits: AssemblerLimits;
  private readonly zone: Zone | null;
  private readonly rules: MultilineRules | null;
  private readonly patterns: Patterns | null;
  private rule: MultilineRule | null = null;
  private ownPatterns: ServicePatterns | null = null;
  private when: WhenRead = notKnownWhen;
  private isGrowing = false;
  private failure: unknown = null;

  /** @throws LeadlineError BAD_TIME_ZONE, BAD_MULTILINE and what the patterns say (`checkLineOptions`). */
  constructor(limits: AssemblerLimits) {
    this.limits = limits;
    this.zone = zoneOf(limits.timeZone ?? 'UTC');
    this.rules = multilineRulesOf(limits.multilineStart ?? []);
    this.patterns = patternsOf(limits.patterns ?? []);
  }

  copy(): LineReader {
    const copy = new LineReader(this.limits);
    copy.rule = this.rule;
    copy.ownPatterns = this.ownPatterns;
    copy.isGrowing = this.isGrowing;
    return copy;
  }

  /** Whose lines come next. @param isGrowing their bytes were seen growing, so that they were read when they were written */
  serve(service: string | null, isGrowing: boolean): void {
    if (this.isGrowing !== isGrowing) this.when = notKnownWhen;
    this.isGrowing = isGrowing;
    useOwnIdRules(this.limits.idFields, this.limits.idPatterns);
    this.rule = this.rules?.ruleOf(service) ?? null;
    this.ownPatterns = this.patterns?.forService(service) ?? null;
  }

  understand(text: Uint8Array, readMs: number): Understood {
    // Lines come in their thousands with the same time of reading.
    if (this.when.readMs !== readMs) this.when = { readMs, zone: this.isGrowing && this.limits.timeZone === autoZone ? zoneByReading(readMs) : this.zone };
    return understandLine(text, this.when, this.ownPatterns);
  }

  /**
   * The same of what was joined. What came in earlier chunks must not be held against the one that closes it, so a parser that fails closes all the
   * same (`takeFailure`).
   * @param first what is known of the first line
   */
  understandJoined(text: Uint8Array, readMs: number, first: Understood | null = null): Understood {
    try {
      return this.understand(text, readMs);
    } catch (error) {
      this.failure = error;
      return first ?? bareText(text);
    }
  }

  /** Why a parser failed on lines that were joined, once; null where none did. */
  takeFailure(): unknown {
    const { failure } = this;
    this.failure = null;
    return failure;
  }

  /** The state after the first line of an event. */
  begins(text: Uint8Array, understood: Understood): ContinuationState {
    return this.rule === null ? beginsOpen(text, understood) : openByRule;
  }

  /** The state after a further line, null where it begins another event: by the user's rule where one is, else by what traces look like. */
  continues(state: ContinuationState, text: Uint8Array): ContinuationState | null {
    const begins = this.rule?.begins(text) ?? null;
    if (begins === null) return continues(state, text);
    return begins || state.kind === 'closed' ? null : state;
  }
}
