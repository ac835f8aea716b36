/** The alerts as of the last answer, asked for once for the whole page: the banner, the count in the navigation and the list share it. */
import { computed, signal } from '@preact/signals';
import type { AlertBody } from '#schemas/http-api.ts';
import { getAlerts, type Answer } from './api.ts';
import { poll } from './poll.ts';
import type { AlertsAnswer } from '#schemas/http-api.ts';

export const alertsAnswer = signal<Answer<AlertsAnswer> | null>(null);

export const firingAlerts = computed<AlertBody[]>(() => (alertsAnswer.value?.ok === true ? alertsAnswer.value.body.alerts.filter(alert => alert.state === 'firing') : []));

export function startAlertsWatch(): void {
  poll(async abort => {
    alertsAnswer.value = await getAlerts(abort);
  }, 1000);
}
