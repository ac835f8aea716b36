/** A line that goes on with the event above it: the rest of a line that was too long for one event, or what only makes sense below another line. */
import { confidenceOf, requestOf, type Claims } from './claim.ts';
import type { WindowLine } from './window-line.ts';

const pauseMsMax = 1000;
const confidence = 0.97;
/** Indented, a frame, a cause, a closing bracket. */
const goesOn = /^(?:[ \t]+\S|at \S+\(|Caused by: |Suppressed: |\.\.\. \d+ more|[}\])]+[,;]?$)/;

/** @param lane lines of one source, in order */
export function claimContinuations(lane: readonly WindowLine[], claims: Claims): void {
  for (let index = 1; index < lane.length; index++) {
    const line = lane[index]!;
    if (requestOf(line, claims) !== null) continue;
    const above = lane[index - 1]!;
    const { event } = line;
    if (above.event.output !== event.output || above.event.streamId !== event.streamId || above.event.streamOffsetEnd !== event.streamOffset) continue;
    const request = requestOf(above, claims);
    if (request === null) continue;
    const isPart = event.part !== null && event.part.n > 1 && above.event.part?.n === event.part.n - 1;
    const isRest = isPart || (line.ms - above.ms <= pauseMsMax && event.level === null && event.fields['time'] === undefined && goesOn.test(event.message));
    if (!isRest) continue;
    const sure = isPart ? 0.999 : confidence;
    claims.set(line, {
      request, kind: 'continuation', confidence: sure * confidenceOf(above, claims), from: above,
      because: isPart ? 'it is the next part of the long line above it, which carries the id' : 'it goes on with the line above it, which carries the id',
    });
  }
}
