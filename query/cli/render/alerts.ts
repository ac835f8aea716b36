/** Alert episodes as text. */
import type { AlertBody } from '#schemas/http-api.ts';
import { counted, fit, paint, printable, shortTime, table, type Terminal } from './terminal.ts';

const keyText = (alert: AlertBody): string => Object.entries(alert.key).map(([name, value]) => `${name}=${value}`).join(' ') || '-';
const ruleWidthMax = 18;
const keyWidthMax = 24;
const indent = '  ';

/** A row per episode, and below it its id for `alerts show` and its top error. */
export function renderAlerts(alerts: readonly AlertBody[], terminal: Terminal): string {
  if (alerts.length === 0) return 'no alerts';
  const rows = alerts.map(alert => [alert.state, fit(alert.rule, ruleWidthMax), fit(keyText(alert), keyWidthMax), shortTime(alert.openedAt), String(alert.count)]);
  const [head, ...lines] = table(['state', 'rule', 'key', 'opened (UTC)', 'count'], rows).split('\n');
  const shown = lines.flatMap((line, index) => {
    const { state, topError, episodeId } = alerts[index]!;
    const painted = state === 'firing' ? paint(terminal, 'red', line) : line;
    const below = `${indent}${episodeId}${topError === null ? '' : `  ${topError.count} x ${printable(topError.message)}`}`;
    return [painted, paint(terminal, 'dim', fit(below, terminal.width))];
  });
  return [paint(terminal, 'dim', head!), ...shown].join('\n');
}

export function renderAlert(alert: AlertBody, terminal: Terminal): string {
  return [
    paint(terminal, alert.state === 'firing' ? ['red', 'bold'] : 'bold', printable(`${alert.rule} ${keyText(alert)}: ${alert.state}`)),
    `opened   ${alert.openedAt}`,
    `first    ${alert.firstAt}`,
    `last     ${alert.lastAt}`,
    ...(alert.resolvedAt === null ? [] : [`resolved ${alert.resolvedAt}`]),
    `${counted(alert.count, 'event')} counted, at most ${alert.peak} in one window; services: ${printable(alert.services.join(', ')) || '-'}`,
    ...(alert.told ? [] : ['it was over more than an hour before it was found, so nobody was told']),
    ...(alert.topError === null ? [] : [`top error (${counted(alert.topError.count, 'time')}): ${printable(alert.topError.message)}`]),
    ...alert.requests.map(request => printable(`request ${request.id}${request.url === '' ? '' : `  ${request.url}`}`)),
  ].join('\n');
}
