/** Alert episodes as text. */
import type { AlertBody } from '#schemas/http-api.ts';
import { fit, paint, printable, table, type Terminal } from './terminal.ts';

const keyText = (alert: AlertBody): string => Object.entries(alert.key).map(([name, value]) => `${name}=${value}`).join(' ') || '-';

export function renderAlerts(alerts: readonly AlertBody[], terminal: Terminal): string {
  if (alerts.length === 0) return 'no alerts';
  const rows = alerts.map(alert => [alert.state, alert.rule, keyText(alert), alert.openedAt, alert.lastAt, String(alert.count), String(alert.peak), alert.episodeId, fit(printable(alert.topError?.message ?? '-'), Math.max(20, terminal.width - 150))]);
  return table(['state', 'rule', 'key', 'opened', 'last', 'count', 'peak', 'id', 'top error'], rows);
}

export function renderAlert(alert: AlertBody, terminal: Terminal): string {
  return [
    paint(terminal, alert.state === 'firing' ? ['red', 'bold'] : 'bold', `${alert.rule} ${keyText(alert)}: ${alert.state}`),
    `opened ${alert.openedAt}, first ${alert.firstAt}, last ${alert.lastAt}${alert.resolvedAt === null ? '' : `, resolved ${alert.resolvedAt}`}`,
    `${alert.count} counted, at most ${alert.peak} in one window; services: ${alert.services.join(', ') || '-'}`,
    ...(alert.told ? [] : ['it was over more than an hour before it was found, so nobody was told']),
    ...(alert.topError === null ? [] : [`top error (${alert.topError.count} times): ${printable(alert.topError.message)}`]),
    ...alert.requests.map(request => `request ${request.id}  ${request.url}`),
  ].join('\n');
}
