/** Headless Chromium, where there is one. */
import { existsSync } from 'node:fs';

export const chromiumPath = process.env['LEADLINE_CHROMIUM'] ?? '/usr/bin/chromium';
export const hasChromium = existsSync(chromiumPath);
/** Whether browser tests run: without Chromium they are skipped by name, except in CI, where they fail. */
export const runsBrowserTests = hasChromium || process.env['CI'] === 'true';
export const chromiumArgs = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
