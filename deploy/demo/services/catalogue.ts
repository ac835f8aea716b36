import type { Answer } from '../call.ts';
import { goJsonLog } from '../formats/go-json.ts';
import { onceIn, work } from '../pretend.ts';
import { products } from '../products.ts';
import { headerOf, notFound, type OpenService } from '../shop.ts';

const stackTrace = [
  'goroutine 84 [running]:',
  'shop.example/catalogue/search.(*Index).Lookup(0x0, {0xc0001a2f60, 0xb})',
  '\t/src/search/index.go:117 +0x1d',
  'shop.example/catalogue/http.(*Handler).ServeProduct(0xc0000b4000, {0x8a1f20, 0xc0002c41c0})',
  '\t/src/http/product.go:58 +0x2b4',
].join('\n');

/** What there is to buy. It knows `X-Request-Id` only. */
export const openCatalogue: OpenService = ({ logFile, outage }) => {
  const log = goJsonLog(logFile('catalogue.log'));

  function look(path: string): Answer {
    if (path === '/products') return { status: 200, body: products };
    const product = products.find(({ sku }) => path === `/products/${sku}`);
    return product === undefined ? notFound : { status: 200, body: product };
  }

  return {
    async answer(request) {
      const { method, path } = request;
      const about = { request_id: headerOf(request, 'x-request-id'), method, path };
      const tookMs = await work(3, 60);
      if (outage.active) {
        log('ERROR', 'panic recovered: runtime error: invalid memory address or nil pointer dereference', { ...about, status: 500, stack: stackTrace });
        return { status: 500, body: { message: 'internal server error' } };
      }
      if (onceIn(150)) log('WARN', 'search index is older than its source', { ...about, behind_seconds: 90 });
      const answer = look(path);
      log('INFO', 'request served', { ...about, status: answer.status, duration_ms: tookMs });
      return answer;
    },
  };
};
