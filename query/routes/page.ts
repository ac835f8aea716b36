/** The page: one HTML file for every view, and its two assets, as the build has left them. */
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { LeadlineError } from '#schemas/errors.ts';
import type { Server } from '../server.ts';

const folder = join(import.meta.dirname, '..', 'web', 'dist');
const views = ['/', '/timeline/:id', '/search', '/tail', '/alerts', '/alerts/:id', '/streams'];
const types: Record<string, string> = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.map': 'application/json' };

export function pageRoutes(server: Server): void {
  const read = async (name: string): Promise<Buffer> => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      throw new LeadlineError('NOT_FOUND', { what: name === 'index.html' ? 'page: it has not been built (node query/web/build.mjs)' : name }, { cause: error });
    }
  };
  for (const url of views) {
    server.get(url, { schema: { hide: true }, handler: async (_request, reply) => reply.type(types['.html']!).header('cache-control', 'no-cache').send(await read('index.html')) });
  }
  server.get<{ Params: { name: string } }>('/assets/:name', {
    schema: { hide: true },
    handler: async (request, reply) => {
      const { name } = request.params;
      const type = types[extname(name)];
      if (type === undefined || !/^[\w.-]+$/.test(name)) throw new LeadlineError('NOT_FOUND', { what: name });
      return reply.type(type).header('cache-control', 'no-cache').send(await read(name));
    },
  });
}
