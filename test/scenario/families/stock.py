"""A service in Python that knows a request by B3 headers only, and logs as Python's logging does: `stock.py PORT LOG_FILE`."""
import logging
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

logging.basicConfig(filename=sys.argv[2], level=logging.INFO, format="%(asctime)s %(levelname)s [%(threadName)s] %(name)s: %(message)s")
log = logging.getLogger("stock")


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", "0")))
        log.info("reserved X-B3-TraceId=%s X-B3-SpanId=%s", self.headers.get("X-B3-TraceId"), self.headers.get("X-B3-SpanId"))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
