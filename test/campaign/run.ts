/** `npm run campaign`: real writers, shippers, collectors and brokers under 1,000 faults and more; every line must be stored once. */
import { parseArgs } from 'node:util';
import { kafkaMissing } from '../helpers/kafka.ts';
import { runCampaign, type CampaignOutcome } from './campaign.ts';
import { endAllCells } from './cell.ts';
import { casesText, runCases } from './cases.ts';
import { faultKinds, type FaultKind } from './fault.ts';
import type { CellShape } from './plan.ts';
import { reportText, totalsOf, writeReport } from './report.ts';
import { complaints } from './verdict.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    faults: { type: 'string' },
    minutes: { type: 'string' },
    rate: { type: 'string' },
    harsh: { type: 'string' },
    kinds: { type: 'string' },
    logs: { type: 'string' },
    cells: { type: 'string' },
    tree: { type: 'string' },
    cases: { type: 'string' },
    rates: { type: 'string' },
    slice: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    'no-report': { type: 'boolean', default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const faults = Number(values.faults ?? (values.slice ? 150 : 1000));
const minutes = Number(values.minutes ?? (values.slice ? 3 : 25));
const kinds = values.kinds?.split(',') as FaultKind[] | undefined;
const unknown = kinds?.find(kind => !faultKinds.includes(kind));
if (unknown !== undefined) throw new Error(`there is no kind "${unknown}"; there are ${faultKinds.join(', ')}`);

/** `a:1:2,b:3:2`: name, brokers (0: `leadline up` without any), shippers. */
const cells: CellShape[] = (values.cells ?? 'a:1:2,b:3:2').split(',').map(text => {
  const [name, nodes, shippers] = text.split(':');
  return { name: name!, nodes: Number(nodes) as CellShape['nodes'], shippers: Number(shippers) };
});

const missing = cells.some(({ nodes }) => nodes > 0) ? kafkaMissing() : null;
if (missing !== null) {
  say(`the campaign needs Kafka brokers, which ${missing}`);
  process.exit(2);
}

/** `--cases all`, `--cases 1a,3`: only these; `--cases none`: the faults only. Both without it, except in a slice. */
const wantsFaults = values.cases === undefined || values.cases === 'none';
const wantsCases = values.cases !== undefined ? values.cases !== 'none' : !values.slice && kinds === undefined && values.cells === undefined;
const nothing: CampaignOutcome = { startedMs: Date.now(), faultsMs: 0, wholeMs: 0, planned: {}, done: [], verdicts: [] };

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    say('ended before its time: stopping everything ...');
    void endAllCells().finally(() => process.exit(1));
  });
}

const outcome = !wantsFaults ? nothing : await runCampaign({
  seed, cells, faults, minutes, say, portsFrom: 25_000, kinds: kinds ?? null, logs: values.logs?.split(',') ?? null, linesPerS: Number(values.rate ?? 100), harshShare: Number(values.harsh ?? 0.2), keep: values.keep, tree: values.tree,
  perKindMin: values.slice || values.faults !== undefined ? 1 : 60,
});
const command = `npm run campaign -- --seed ${seed}${wantsFaults ? ` --faults ${faults} --minutes ${minutes}` : ''}${values.cases === undefined ? '' : ` --cases ${values.cases}`}${values.rates === undefined ? '' : ` --rates ${values.rates}`}${values.slice ? ' --slice' : ''}${values.cells === undefined ? '' : ` --cells ${values.cells}`}${values.kinds === undefined ? '' : ` --kinds ${values.kinds}`}${values.logs === undefined ? '' : ` --logs ${values.logs}`}`;
const caseOutcomes = !wantsCases ? [] : await runCases({ seed, rates: (values.rates ?? '20000,40000').split(',').map(Number), ids: values.cases === undefined || values.cases === 'all' ? null : values.cases.split(','), lengthShare: 1, portsFrom: 25_000, tree: values.tree, say });
const part = wantsFaults ? (kinds?.join('-') ?? '') : ['cases', values.cases!.replaceAll(',', '-'), ...(values.rates === undefined ? [] : [values.rates.replaceAll(',', '-')])].join('-');
const result = { ...outcome, part, seed, command, more: casesText(caseOutcomes) };
say(`\n${reportText(result)}`);
if (!values['no-report'] && !values.slice) say(writeReport(result));
const totals = totalsOf(outcome.verdicts);
const wrong = [...outcome.verdicts.flatMap(complaints), ...caseOutcomes.flatMap(({ problems }) => problems)];
say(`${totals.written} lines, ${totals.lost} lost, ${totals.doubled} stored twice, ${wrong.length} complaints, seed ${seed}`);
process.exit(wrong.length === 0 ? 0 : 1);
