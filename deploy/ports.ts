/** Where the processes without a page show their health, unless told otherwise: on all interfaces, for probes. */
import type { Config } from './config.ts';

export const shipPortDefault = 4681;
export const collectPortDefault = 4682;

/** @returns host null for all interfaces */
export function healthAddress({ options, origins }: Pick<Config, 'options' | 'origins'>, portDefault: number): { host: string | null; port: number } {
  return { host: origins.host === 'default' ? null : options.host, port: origins.port === 'default' ? portDefault : options.port };
}
