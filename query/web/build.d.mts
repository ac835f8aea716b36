/** Bundles the page; `outDir` defaults to `dist/` beside the build file. */
export function buildPage(options?: { outDir?: string }): Promise<void>;
