/** Every set of the corpus that comes with expected results. */
import { countAccessLogs } from './sets/access-logs.ts';
import { countAppLogs } from './sets/app-logs.ts';
import { countContainerRuntime } from './sets/container-runtime.ts';
import { countLogfmt } from './sets/logfmt.ts';
import { countLoghub } from './sets/loghub.ts';
import { countMultiservice } from './sets/multiservice.ts';
import { countNodeJson } from './sets/node-json.ts';
import { countDatadogPairs, countGrokPairs } from './sets/parse-pairs.ts';
import { countStackTraces } from './sets/stack-traces.ts';
import { countTraceContext } from './sets/trace-context.ts';
import type { Tally } from './tally.ts';

export const corpusSets: Record<string, (tally: Tally) => void> = {
  'multiservice': countMultiservice,
  'container-runtime': countContainerRuntime,
  'stack-traces': countStackTraces,
  'app-logs': countAppLogs,
  'access-logs': countAccessLogs,
  'node-json': countNodeJson,
  'logfmt': countLogfmt,
  'trace-context': countTraceContext,
  'parse-pairs: grok': countGrokPairs,
  'parse-pairs: datadog': countDatadogPairs,
  'loghub': countLoghub,
};
