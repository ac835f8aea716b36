/** A line or two of each layout: what is its time, level, message, and every field that is taken from the head. */
import test from 'ava';
import { formatTimeNs, type Fields, type Level } from '#schemas/event.ts';
import { understandLine } from '../../../collector/formats/understand.ts';

const readMs = Date.UTC(2022, 7, 22, 6);

type Case = [layout: string, line: string, time: string | null, level: Level | null, message: string, fields: Fields];

const thread = (name: string, logger?: string): Fields => ({ 'process.thread.name': name, ...(logger === undefined ? {} : { 'log.logger': logger }) });
const place = (name: string, line: number): Fields => ({ 'log.origin.file.name': name, 'log.origin.file.line': line });

const cases: Case[] = [
  // Java
  ['logback', '2022-08-22 05:18:16,123 ERROR [main] c.e.Cart - failed', '05:18:16.123', 'error', 'failed', thread('main', 'c.e.Cart')],
  ['logback, default order', '05:18:16.123 [http-nio-8080-exec-1] WARN  c.e.Cart - slow', '05:18:16.123', 'warn', 'slow', thread('http-nio-8080-exec-1', 'c.e.Cart')],
  ['logback, a thread with brackets', '2022-08-22 05:18:16.123 [pool-1[a]] INFO c.e.Cart - x', '05:18:16.123', 'info', 'x', thread('pool-1[a]', 'c.e.Cart')],
  ['log4j without thread', '2022-08-22 05:18:16 INFO  Cart - paid', '05:18:16', 'info', 'Cart - paid', {}],
  ['log4j, one word of a type', '2022-08-22 05:18:16 INFO  CartService - paid', '05:18:16', 'info', 'paid', { 'log.logger': 'CartService' }],
  ['log4j TTCC', '0 [main] INFO com.foo.Bar - x', null, 'info', 'x', { 'process.pid': 0, ...thread('main', 'com.foo.Bar') }],
  ['Spring Boot 2', '2022-08-22 05:18:16.123  INFO 7 --- [           main] c.e.App                                  : Started App in 2 seconds', '05:18:16.123', 'info', 'Started App in 2 seconds', { 'process.pid': 7, ...thread('main', 'c.e.App') }],
  ['Spring Boot 3', '2022-08-22T05:18:16.123Z DEBUG 7 --- [cart] [nio-8080-exec-2] o.s.web.Dispatcher : GET /', '05:18:16.123', 'debug', 'GET /', { 'process.pid': 7, 'process.thread.name': 'nio-8080-exec-2', 'log.logger': 'o.s.web.Dispatcher', 'service.name': 'cart' }],
  ['Spring Cloud Sleuth', '2022-08-22 05:18:16.123  INFO [cart,4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7,true] 7 --- [main] c.e.App : hi', '05:18:16.123', 'info', 'hi', { 'service.name': 'cart', 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736', 'span.id': '00f067aa0ba902b7', 'process.pid': 7, ...thread('main', 'c.e.App') }],
  ['Hadoop', '2022-08-22 05:18:16,123 INFO [IPC Server handler 26 on 62270] org.apache.hadoop.ipc.Server: Starting', '05:18:16.123', 'info', 'Starting', thread('IPC Server handler 26 on 62270', 'org.apache.hadoop.ipc.Server')],
  ['Spark', '22/08/22 05:18:16 INFO executor.Executor: Running task 4.0', '05:18:16', 'info', 'Running task 4.0', { 'log.logger': 'executor.Executor' }],
  ['Zookeeper', '2022-08-22 05:18:16,123 - WARN  [SendWorker:18:QuorumCnxManager$SendWorker@688] - Send worker leaving thread', '05:18:16.123', 'warn', 'Send worker leaving thread', { 'process.thread.name': 'SendWorker:18', 'log.logger': 'QuorumCnxManager$SendWorker', 'log.origin.file.line': 688 }],
  ['Zookeeper 3.5', '2022-08-22 05:18:16,123 [myid:1] - INFO  [main:QuorumPeerConfig@136] - Reading', '05:18:16.123', 'info', 'Reading', { 'log.context': 'myid:1', 'process.thread.name': 'main', 'log.logger': 'QuorumPeerConfig', 'log.origin.file.line': 136 }],
  ['Kafka broker', '[2022-08-22 05:18:16,123] INFO [Controller 0]: shutting down (kafka.controller.KafkaController)', '05:18:16.123', 'info', '[Controller 0]: shutting down', { 'log.logger': 'kafka.controller.KafkaController' }],
  ['Elasticsearch', '[2022-08-22T05:18:16,123][WARN ][o.e.c.r.a.AllocationService] [node-1] failing shard', '05:18:16.123', 'warn', '[node-1] failing shard', { 'log.logger': 'o.e.c.r.a.AllocationService' }],
  ['Cassandra', 'INFO  [main] 2022-08-22 05:18:16,123 CassandraDaemon.java:650 - Startup complete', '05:18:16.123', 'info', 'Startup complete', { 'process.thread.name': 'main', ...place('CassandraDaemon.java', 650) }],
  ['WildFly', '05:18:16,123 INFO  [org.jboss.as] (MSC service thread 1-2) WFLYSRV0049: starting', '05:18:16.123', 'info', 'WFLYSRV0049: starting', thread('MSC service thread 1-2', 'org.jboss.as')],
  ['Quarkus', '2022-08-22 05:18:16,123 ERROR [io.quarkus] (main) Failed to start', '05:18:16.123', 'error', 'Failed to start', thread('main', 'io.quarkus')],
  ['Tomcat', '22-Aug-2022 05:18:16.123 SEVERE [main] org.apache.catalina.core.StandardContext.startInternal One or more listeners failed', '05:18:16.123', 'error', 'One or more listeners failed', { 'process.thread.name': 'main', 'log.logger': 'org.apache.catalina.core.StandardContext', 'log.origin.function': 'startInternal' }],
  ['java.util.logging', 'Aug 22, 2022 5:18:16 AM org.acme.Server start\nWARNING: port 80 is taken', '05:18:16', 'warn', 'port 80 is taken', { 'log.logger': 'org.acme.Server', 'log.origin.function': 'start' }],
  ['bars', '2022-08-22 05:18:16,123 +0000 | ERROR | com.example.Service - x', '05:18:16.123', 'error', 'x', { 'log.logger': 'com.example.Service' }],
  ['JVM', '[2022-08-22T05:18:16.123+0000][1.234s][info][gc] GC(0) Pause Young', '05:18:16.123', 'info', '[gc] GC(0) Pause Young', { 'process.uptime': 1.234 }],
  ['log4j, a thread and no logger', '2022-08-22 05:18:16,123 INFO [pool-1-thread-3] paid', '05:18:16.123', 'info', 'paid', thread('pool-1-thread-3')],
  ['dots in the date', '22.08.2022 05:18:16 WARN slow', '05:18:16', 'warn', 'slow', {}],
  // Python
  ['Python, by hyphens', '2022-08-22 05:18:16,123 - app.db - WARNING - disk', '05:18:16.123', 'warn', 'disk', { 'log.logger': 'app.db' }],
  ['Python, basicConfig', 'WARNING:django.request:Not Found: /x', null, 'warn', 'Not Found: /x', { 'log.logger': 'django.request' }],
  ['Python, level first', 'INFO 2022-08-22 05:18:16,123 app started', '05:18:16.123', 'info', 'app started', {}],
  ['gunicorn', '[2022-08-22 05:18:16 +0000] [7] [INFO] Starting gunicorn', '05:18:16', 'info', 'Starting gunicorn', { 'process.pid': 7 }],
  ['celery', '[2022-08-22 05:18:16,123: WARNING/ForkPoolWorker-1] Task x retried', '05:18:16.123', 'warn', 'Task x retried', { 'process.thread.name': 'ForkPoolWorker-1' }],
  ['loguru', '2022-08-22 05:18:16.123 | SUCCESS  | __main__:main:12 - done', '05:18:16.123', 'info', 'done', { 'log.logger': '__main__', 'log.origin.function': 'main', 'log.origin.file.line': 12 }],
  ['loguru, a level of all', '2022-08-22 05:18:16.123 | ERROR    | app.jobs:main:12 - done', '05:18:16.123', 'error', 'done', { 'log.logger': 'app.jobs', 'log.origin.function': 'main', 'log.origin.file.line': 12 }],
  ['Airflow', '[2022-08-22 05:18:16,123] {taskinstance.py:1234} INFO - Starting attempt 1 of 1', '05:18:16.123', 'info', 'Starting attempt 1 of 1', place('taskinstance.py', 1234)],
  ['uvicorn', 'INFO:     10.0.0.7:51234 - "GET /cart HTTP/1.1" 200 OK', null, 'info', '10.0.0.7:51234 - "GET /cart HTTP/1.1" 200 OK', { 'source.address': '10.0.0.7', 'source.port': 51234, 'http.request.method': 'GET', 'url.original': '/cart', 'url.path': '/cart', 'http.version': '1.1', 'http.response.status_code': 200 }],
  ['structlog', '2022-08-22 05:18:16 [info     ] order placed   order=17', '05:18:16', 'info', 'order placed   order=17', {}],
  ['OpenStack', '2022-08-22 05:18:16.123 25746 INFO nova.osapi_compute.wsgi [req-38101a0b-2096-447d-96ea-a692162415ae admin - -] 10.0.0.7 "GET /v2 HTTP/1.1" status: 200', '05:18:16.123', 'info', '[req-38101a0b-2096-447d-96ea-a692162415ae admin - -] 10.0.0.7 "GET /v2 HTTP/1.1" status: 200', { 'process.pid': 25746, 'log.logger': 'nova.osapi_compute.wsgi' }],
  // Go
  ['Go', '2022/08/22 05:18:16 main.go:10: listening', '05:18:16', null, 'listening', place('main.go', 10)],
  ['Go, microseconds and a path', '2022/08/22 05:18:16.123456 /src/app/d.go:23: x', '05:18:16.123456', null, 'x', place('/src/app/d.go', 23)],
  ['glog', 'E0822 05:18:16.123456      17 server.go:212] failed', '05:18:16.123456', 'error', 'failed', { 'process.thread.id': 17, ...place('server.go', 212) }],
  ['glog with a year', 'W20220822 05:18:16.123456 140735 a.cc:1] x', '05:18:16.123456', 'warn', 'x', { 'process.thread.id': 140735, ...place('a.cc', 1) }],
  ['CockroachDB', 'I220822 05:18:16.123456 1 server/server.go:10 \u22ee [n1] 12  node started', '05:18:16.123456', 'info', '[n1] 12  node started', { 'process.thread.id': 1, ...place('server/server.go', 10) }],
  ['klog, structured', 'I0822 05:18:16.123456       1 kubelet.go:10] "Pod updated" pod="kube-system/x" attempt=3', '05:18:16.123456', 'info', 'Pod updated', { 'process.thread.id': 1, ...place('kubelet.go', 10), 'pod': 'kube-system/x', 'attempt': '3' }],
  ['zap console', '2022-08-22T05:18:16.123Z\tINFO\tsetup\tserver/main.go:212\tstarting manager\t{"port": 8080}', '05:18:16.123', 'info', 'starting manager', { 'log.logger': 'setup', ...place('server/main.go', 212), 'port': 8080 }],
  ['zap console without a logger', '2022-08-22T05:18:16.123Z\tERROR\tstarting\t{"port": 8080}', '05:18:16.123', 'error', 'starting', { port: 8080 }],
  ['hclog', '2022-08-22T05:18:16.123Z [INFO]  agent.server: joined: count=3', '05:18:16.123', 'info', 'joined: count=3', { 'log.logger': 'agent.server' }],
  ['etcd', '2022-08-22 05:18:16.123456 W | etcdserver: slow', '05:18:16.123456', 'warn', 'etcdserver: slow', {}],
  ['logrus on a terminal', 'WARN[0012] disk is nearly full', null, 'warn', 'disk is nearly full', { 'process.uptime': 12 }],
  ['gin', '[GIN] 2022/08/22 - 05:18:16 | 404 |     1.234ms |       10.0.0.7 | GET      "/cart?id=1"', '05:18:16', null, '[GIN] 2022/08/22 - 05:18:16 | 404 |     1.234ms |       10.0.0.7 | GET      "/cart?id=1"', { 'http.response.status_code': 404, 'duration_ms': 1.234, 'source.address': '10.0.0.7', 'http.request.method': 'GET', 'url.original': '/cart?id=1', 'url.path': '/cart' }],
  // .NET
  ['.NET console', 'warn: Microsoft.AspNetCore.Server[14]\n      Heartbeat took longer', null, 'warn', 'Heartbeat took longer', { 'log.logger': 'Microsoft.AspNetCore.Server', 'event.code': '14' }],
  ['.NET console on one line', '2022-08-22T05:18:16 fail: Shop.Cart[0] No such cart', '05:18:16', 'error', 'No such cart', { 'log.logger': 'Shop.Cart', 'event.code': '0' }],
  ['Serilog', '[05:18:16 WRN] slow', '05:18:16', 'warn', 'slow', {}],
  ['Serilog with a date', '2022-08-22 05:18:16.123 +00:00 [ERR] failed', '05:18:16.123', 'error', 'failed', {}],
  ['NLog', '2022-08-22 05:18:16.1234|INFO|Shop.Cart|paid', '05:18:16.1234', 'info', 'paid', { 'log.logger': 'Shop.Cart' }],
  // Rust
  ['tracing', '2022-08-22T05:18:16.123456Z  INFO my_app::server: listening addr=0.0.0.0:80', '05:18:16.123456', 'info', 'listening addr=0.0.0.0:80', { 'log.logger': 'my_app::server' }],
  ['env_logger', '[2022-08-22T05:18:16Z WARN  my_app::db] slow query', '05:18:16', 'warn', 'slow query', { 'log.logger': 'my_app::db' }],
  // Ruby, PHP, Elixir, Node
  ['Ruby', 'W, [2022-08-22T05:18:16.123456 #17]  WARN -- shop: disk', '05:18:16.123456', 'warn', 'disk', { 'process.pid': 17, 'process.name': 'shop' }],
  ['Laravel', '[2022-08-22 05:18:16] production.ERROR: card declined', '05:18:16', 'error', 'card declined', { 'log.logger': 'production' }],
  ['Monolog', '[2022-08-22T05:18:16.123456+00:00] app.INFO: paid {"order":17} []', '05:18:16.123456', 'info', 'paid', { 'log.logger': 'app', 'order': 17 }],
  ['PHP', '[22-Aug-2022 05:18:16 UTC] PHP Warning:  Undefined variable $x in /a.php on line 3', '05:18:16', 'warn', 'PHP Warning:  Undefined variable $x in /a.php on line 3', {}],
  ['php-fpm', '[22-Aug-2022 05:18:16] NOTICE: fpm is running, pid 1', '05:18:16', 'info', 'fpm is running, pid 1', {}],
  ['Elixir', '05:18:16.123 [error] GenServer terminating', '05:18:16.123', 'error', 'GenServer terminating', {}],
  ['RabbitMQ', '2022-08-22 05:18:16.123456+00:00 [warning] <0.222.0> closing connection', '05:18:16.123456', 'warn', 'closing connection', { 'process.thread.name': '0.222.0' }],
  ['NestJS', '[Nest] 17  - 08/22/2022, 5:18:16 AM     LOG [RoutesResolver] AppController {/}: +3ms', '05:18:16', 'info', 'AppController {/}: +3ms', { 'process.pid': 17, 'log.logger': 'RoutesResolver' }],
  ['winston', 'error: card declined', null, 'error', 'card declined', {}],
  ['Logstash, with a Ruby hash', '[2022-08-22T05:18:16,123][ERROR][logstash.agent ] failed {:status=>500, :ok=>false, :none=>nil, "a b"=>"x\\"y", :list=>[1, :two, "3"], :in=>{:deep=>1.5}, :t=>#<Thread:0x6b@/a.rb:2 run>, :message=>"m"}', '05:18:16.123', 'error', 'failed {:status=>500, :ok=>false, :none=>nil, "a b"=>"x\\"y", :list=>[1, :two, "3"], :in=>{:deep=>1.5}, :t=>#<Thread:0x6b@/a.rb:2 run>, :message=>"m"}', { 'log.logger': 'logstash.agent', 'status': 500, 'ok': false, 'none': null, 'a b': 'x"y', 'list': [1, 'two', '3'], 'in.deep': 1.5, 't': '#<Thread:0x6b@/a.rb:2 run>', 'message': 'm' }],
  ['a Ruby hash that is cut off', '2022-08-22 05:18:16 ERROR x {:a=>1, :b=>[2, "3"}', '05:18:16', 'error', 'x {:a=>1, :b=>[2, "3"}', { a: 1 }],
  // Databases and servers
  ['Postgres', '2022-08-22 05:18:16.123 UTC [77] ERROR:  relation "x" does not exist', '05:18:16.123', 'error', 'relation "x" does not exist', { 'process.pid': 77 }],
  ['Postgres, user and database', '2022-08-22 05:18:16.123 UTC [77] bob@shop LOG:  statement: select 1', '05:18:16.123', 'info', 'statement: select 1', { 'process.pid': 77, 'user.name': 'bob', 'db.name': 'shop' }],
  ['Postgres, before a user is known', '2022-08-22 05:18:16.123 UTC [77] [unknown]@[unknown] LOG:  incomplete startup packet', '05:18:16.123', 'info', 'incomplete startup packet', { 'process.pid': 77, 'user.name': '[unknown]', 'db.name': '[unknown]' }],
  ['Postgres, the line of its session', '2022-08-22 05:18:16 UTC [835-2] bob@shop FATAL:  starting up', '05:18:16', 'fatal', 'starting up', { 'process.pid': 835, 'postgresql.log.session_line_number': 2, 'user.name': 'bob', 'db.name': 'shop' }],
  ['Postgres, an addition', '2022-08-22 05:18:16.123 UTC [77] STATEMENT:  select x', '05:18:16.123', null, 'STATEMENT:  select x', { 'process.pid': 77 }],
  ['MySQL', '2022-08-22T05:18:16.123456Z 5 [Warning] [MY-010068] [Server] self signed', '05:18:16.123456', 'warn', '[MY-010068] [Server] self signed', { 'process.pid': 5 }],
  ['MySQL before 5.7', '220822  5:18:16 [ERROR] Aborting', '05:18:16', 'error', 'Aborting', {}],
  ['MongoDB before 4.4', '2022-08-22T07:18:16.123+0200 W NETWORK  [conn1] end connection', '05:18:16.123', 'warn', 'end connection', { 'log.logger': 'NETWORK', 'process.thread.name': 'conn1' }],
  ['MariaDB', '2022-08-22  5:18:16 0 [Warning] slow', '05:18:16', 'warn', 'slow', { 'process.pid': 0 }],
  ['Telegraf', '2022-08-22T05:18:16Z E! [agent] Error writing', '05:18:16', 'error', '[agent] Error writing', {}],
  ['log4js', '[2022-08-22T05:18:16.123] [WARN] default - slow', '05:18:16.123', 'warn', 'slow', { 'log.logger': 'default' }],
  ['OpenWrt', 'Mon Aug 22 05:18:16 2022 daemon.err dnsmasq[7]: x', '05:18:16', 'error', 'x', { 'process.name': 'dnsmasq', 'process.pid': 7 }],
  ['Micrometer before the level', '2022-08-22 05:18:16.123 [http-1] [4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7] INFO c.e.X - hi', '05:18:16.123', 'info', 'hi', { 'process.thread.name': 'http-1', 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736', 'span.id': '00f067aa0ba902b7', 'log.logger': 'c.e.X' }],
  ['logback with its context', '2022-08-22 05:18:16 [http-1] INFO  [user=bob] c.e.X - hi', '05:18:16', 'info', 'hi', { 'process.thread.name': 'http-1', 'log.context': 'user=bob', 'log.logger': 'c.e.X' }],
  ['NATS', '[7] 2022/08/22 05:18:16.123456 [ERR] no route', '05:18:16.123456', 'error', 'no route', { 'process.pid': 7 }],
  ['log4net with its context', '2022-08-22 05:18:16,123 [7] INFO  Shop.Cart [(null)] - paid', '05:18:16.123', 'info', 'paid', { 'process.pid': 7, 'log.logger': 'Shop.Cart', 'log.context': '(null)' }],
  ['pino, pretty', '[05:18:16.123] WARN (17 on cart-7d9f): slow', '05:18:16.123', 'warn', 'slow', { 'process.pid': 17, 'host.hostname': 'cart-7d9f' }],
  ['Tornado', '[W 220822 05:18:16 web:2250] 404 GET /x', '05:18:16', 'warn', '404 GET /x', { 'log.logger': 'web', 'log.origin.file.line': 2250 }],
  ['Jupyter', '[I 2022-08-22 05:18:16.123 ServerApp] Serving', '05:18:16.123', 'info', 'Serving', { 'log.logger': 'ServerApp' }],
  ['Redis', '1:M 22 Aug 2022 05:18:16.123 # Server initialized', '05:18:16.123', 'warn', 'Server initialized', { 'process.pid': 1, 'redis.role': 'M' }],
  ['Redis without a year', '[17] 22 Aug 05:18:16.123 * Server started', '05:18:16.123', 'info', 'Server started', { 'process.pid': 17 }],
  ['ClickHouse', '2022.08.22 05:18:16.123456 [ 77 ] {a1-b2} <Error> executeQuery: Code: 60', '05:18:16.123456', 'error', 'executeQuery: Code: 60', { 'process.thread.id': 77, 'query_id': 'a1-b2' }],
  ['nginx error', '2022/08/22 05:18:16 [error] 31#32: *17 open() failed, client: 10.0.0.7, server: shop, request: "GET /x?y HTTP/1.1", host: "shop.example"', '05:18:16', 'error', 'open() failed, client: 10.0.0.7, server: shop, request: "GET /x?y HTTP/1.1", host: "shop.example"', { 'process.pid': 31, 'process.thread.id': 32, 'connection_id': '17', 'source.address': '10.0.0.7', 'server.address': 'shop', 'http.request.method': 'GET', 'url.original': '/x?y', 'url.path': '/x', 'http.version': '1.1', 'url.domain': 'shop.example' }],
  ['nginx notice', '2022/08/22 05:18:16 [notice] 1#1: using the "epoll" event method', '05:18:16', 'info', 'using the "epoll" event method', { 'process.pid': 1, 'process.thread.id': 1 }],
  ['Apache error 2.4', '[Mon Aug 22 05:18:16.123456 2022] [core:error] [pid 7:tid 140169587934976] [client 10.0.0.7:59307] AH00128: File does not exist: /x', '05:18:16.123456', 'error', 'File does not exist: /x', { 'apache.error.module': 'core', 'process.pid': 7, 'process.thread.id': 140169587934976, 'source.address': '10.0.0.7', 'source.port': 59307, 'error.code': 'AH00128' }],
  ['Apache error 2.2', '[Mon Aug 22 05:18:16 2022] [notice] caught SIGTERM', '05:18:16', 'info', 'caught SIGTERM', {}],
  ['StarRocks', '2022-08-22 05:18:16,123 INFO (main|1) [Auth.init():282] create role', '05:18:16.123', 'info', 'create role', { 'process.thread.name': 'main', 'process.thread.id': 1, 'log.logger': 'Auth', 'log.origin.function': 'init', 'log.origin.file.line': 282 }],
  ['Windows servicing', '2022-08-22 05:18:16, Info                  CBS    Loaded', '05:18:16', 'info', 'CBS    Loaded', {}],
  ['logcat', '08-22 05:18:16.123  1702  2395 D WindowManager: frozen', '05:18:16.123', 'debug', 'frozen', { 'process.pid': 1702, 'process.thread.id': 2395, 'log.logger': 'WindowManager' }],
  ['VMware', '2022-08-22T05:18:16.123Z warning vpxd[45715] [Originator@6876 sub=vpxLro] done', '05:18:16.123', 'warn', '[Originator@6876 sub=vpxLro] done', { 'process.name': 'vpxd', 'process.pid': 45715 }],
  ['a file\'s name before the time', 'nova-api.log.1 2022-08-22 05:18:16.123 25746 INFO nova.api [-] x', '05:18:16.123', 'info', 'nova-api.log.1 2022-08-22 05:18:16.123 25746 INFO nova.api [-] x', {}],
  ['an epoch behind a mark', '- 1661145496 2022.08.22 dn228 x', '05:18:16', null, '- 1661145496 2022.08.22 dn228 x', {}],
  ['a daemon without syslog\'s part', 'haproxy[14]: Proxy web started.', null, null, 'Proxy web started.', { 'process.name': 'haproxy', 'process.pid': 14 }],
  // Ids and places that a pattern puts into the head
  ['logback, ids without a name', '2022-08-22 05:18:16.123 [main] [4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7] INFO  c.e.Cart - hi', '05:18:16.123', 'info', 'hi', { ...thread('main', 'c.e.Cart'), 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736', 'span.id': '00f067aa0ba902b7' }],
  ['logback, ids behind the level', '2022-08-22T05:18:16Z INFO [4bf92f3577b34da6a3ce929d0e0e4736/00f067aa0ba902b7] [main] Cart : hi', '05:18:16', 'info', 'hi', { ...thread('main', 'Cart'), 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736', 'span.id': '00f067aa0ba902b7' }],
  ['logback, a trace alone', '2022-08-22 05:18:16.123 [main] INFO  c.e.Cart [4bf92f3577b34da6a3ce929d0e0e4736] - hi', '05:18:16.123', 'info', 'hi', { ...thread('main', 'c.e.Cart'), 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736' }],
  ['Spring Cloud Sleuth outside of a request', '2022-08-22 05:18:16.123  INFO [cart,,] 7 --- [main] c.e.App : hi', '05:18:16.123', 'info', 'hi', { 'service.name': 'cart', 'process.pid': 7, ...thread('main', 'c.e.App') }],
  ['logback, the whole context', '2022-08-22 05:18:16,123 INFO  [main] [traceId=4bf92f3577b34da6a3ce929d0e0e4736, tenant=a] c.e.Cart - hi', '05:18:16.123', 'info', 'hi', { ...thread('main', 'c.e.Cart'), 'log.context': 'traceId=4bf92f3577b34da6a3ce929d0e0e4736, tenant=a' }],
  ['OpenTelemetry\'s pattern', '2022-08-22 05:18:16.123 trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 trace_flags=01 INFO  c.e.Cart - hi', '05:18:16.123', 'info', 'hi', { 'trace_id': '4bf92f3577b34da6a3ce929d0e0e4736', 'span_id': '00f067aa0ba902b7', 'trace_flags': '01', 'log.logger': 'c.e.Cart' }],
  ['logback, a line behind the class', '2022-08-22 05:18:16,123 INFO  [main] c.e.Cart:57 - hi', '05:18:16.123', 'info', 'hi', { ...thread('main', 'c.e.Cart'), 'log.origin.file.line': 57 }],
  ['log4j, the location', '2022-08-22 05:18:16,123 INFO  [main] c.e.Cart.pay(Cart.java:57) - hi', '05:18:16.123', 'info', 'hi', { ...thread('main', 'c.e.Cart'), 'log.origin.function': 'pay', ...place('Cart.java', 57) }],
  ['log4j, the thread behind the logger', '2022-08-22 05:18:16,123 INFO c.e.Cart [pool-1-thread-2] hi', '05:18:16.123', 'info', 'hi', thread('pool-1-thread-2', 'c.e.Cart')],
  ['log4j, the thread before the time', '[main] 05:18:16 INFO c.e.Cart - hi', '05:18:16', 'info', 'hi', thread('main', 'c.e.Cart')],
  ['bars all the way', '2022-08-22 05:18:16.123|INFO|main|c.e.Cart|4bf92f3577b34da6a3ce929d0e0e4736|paid|in full', '05:18:16.123', 'info', 'paid|in full', { ...thread('main', 'c.e.Cart'), 'trace.id': '4bf92f3577b34da6a3ce929d0e0e4736' }],
  ['commas', '2022-08-22 05:18:16,123,WARNING,app.cart,slow', '05:18:16.123', 'warn', 'app.cart,slow', {}],
  ['day and month by their size', '22/08/2022 05:18:16.123 INFO  [main] c.e.Cart - hi', '05:18:16.123', 'info', 'hi', thread('main', 'c.e.Cart')],
  ['the date without signs', '20220822 05:18:16.123 [main] INFO  c.e.Cart - hi', '05:18:16.123', 'info', 'hi', thread('main', 'c.e.Cart')],
  ['date and clock in brackets of their own', '[2022-08-22][05:18:16][app][WARN] slow', '05:18:16', 'warn', 'slow', thread('app')],
  ['loguru\'s own example', '2022-08-22 at 05:18:16 | INFO | hi', '05:18:16', 'info', 'hi', {}],
  ['vLLM', 'INFO 08-22 05:18:16 engine.py:123] started', '05:18:16', 'info', 'started', place('engine.py', 123)],
  ['geth', 'WARN [08-22|05:18:16.123] Syncing peers=3', '05:18:16.123', 'warn', 'Syncing peers=3', {}],
  ['coloredlogs', '2022-08-22 05:18:16 host app.cart[17] WARNING slow', '05:18:16', 'warn', 'slow', { 'host.hostname': 'host', 'process.name': 'app.cart', 'process.pid': 17 }],
  ['Go, a name before the time', '[cart] 2022/08/22 05:18:16 main.go:10: listening', '05:18:16', null, 'listening', { 'log.logger': 'cart', ...place('main.go', 10) }],
  ['Go, a level behind the place', '2022/08/22 05:18:16 main.go:10: ERROR gone', '05:18:16', 'error', 'gone', place('main.go', 10)],
  ['zap console, seconds', '1.6611454961230000e+09\tinfo\tsetup\tstarting\t{"port": 8080}', '05:18:16.123', 'info', 'starting', { 'log.logger': 'setup', 'port': 8080 }],
  ['zerolog\'s console, to the minute', '5:18AM ERR main.go:128 > gone error="x"', null, 'error', 'gone error="x"', place('main.go', 128)],
  ['zerolog\'s console, a panic', '12:18PM PNC gone', null, 'fatal', 'gone', {}],
  ['tint', '2022-08-22T05:18:16Z INF server/main.go:81 listening port=80', '05:18:16', 'info', 'listening port=80', place('server/main.go', 81)],
  ['four letters', '2022/08/22 05:18:16 ERRO <server/main.go:195> baker: bad', '05:18:16', 'error', 'baker: bad', place('server/main.go', 195)],
  ['tracing with spans', '2022-08-22T05:18:16.123456Z  WARN request{method=GET path="/a b"}:work: my_app::db: slow rows=3', '05:18:16.123456', 'warn', 'slow rows=3', { 'log.context': 'request{method=GET path="/a b"}:work', 'log.logger': 'my_app::db' }],
  ['tracing with threads', '2022-08-22T05:18:16.123456Z  INFO main ThreadId(01) my_app: src/main.rs:12: hello', '05:18:16.123456', 'info', 'hello', { 'process.thread.name': 'main', 'process.thread.id': 1, 'log.logger': 'my_app', ...place('src/main.rs', 12) }],
  ['env_logger without a time', '[WARN  my_app::db] slow query', null, 'warn', 'slow query', { 'log.logger': 'my_app::db' }],
  ['flexi_logger', '[2022-08-22 05:18:16.123456 +00:00] WARN [src/main.rs:6] slow', '05:18:16.123456', 'warn', 'slow', place('src/main.rs', 6)],
  ['winston with a label', '2022-08-22T05:18:16.123Z [cart] error: card declined', '05:18:16.123', 'error', 'card declined', thread('cart')],
  ['winston, the level before the time', 'error 2022-08-22T05:18:16.123Z card declined', '05:18:16.123', 'error', 'card declined', {}],
  ['pino-pretty with a name', '[05:18:16.123] ERROR (cart/17 on host): card declined', '05:18:16.123', 'error', 'card declined', { 'log.logger': 'cart', 'process.pid': 17, 'host.hostname': 'host' }],
  ['signale', '\u2716  error     card declined', null, 'error', 'card declined', {}],
  ['a sign before the level', '\u26a0\ufe0f WARN slow', null, 'warn', 'slow', {}],
  ['npm', 'ERR! code ELIFECYCLE', null, 'error', 'code ELIFECYCLE', {}],
  ['V8', 'FATAL ERROR: Reached heap limit', null, 'fatal', 'FATAL ERROR: Reached heap limit', {}],
  ['morgan, dev', '\u001b[0mGET /cart?id=1 \u001b[32m200\u001b[0m 0.826 ms - 17\u001b[0m', null, null, 'GET /cart?id=1 200 0.826 ms - 17', { 'http.request.method': 'GET', 'url.original': '/cart?id=1', 'url.path': '/cart', 'http.response.status_code': 200, 'http.response.body.bytes': 17, 'duration_ms': 0.826 }],
  ['morgan, short', '10.0.0.7 bob POST /cart HTTP/1.1 - - - - ms', null, null, '10.0.0.7 bob POST /cart HTTP/1.1 - - - - ms', { 'source.address': '10.0.0.7', 'user.name': 'bob', 'http.request.method': 'POST', 'url.original': '/cart', 'url.path': '/cart', 'http.version': '1.1' }],
  ['structlog, quoted as Python does', 'timestamp=\'2022-08-22T05:18:16Z\' level=\'warning\' event=\'it is slow\' note="it\'s"', '05:18:16', 'warn', 'it is slow', { timestamp: '2022-08-22T05:18:16Z', level: 'warning', event: 'it is slow', note: 'it\'s' }],
  ['slog, a name with a blank', 'time=2022-08-22T05:18:16Z level=WARN msg=slow "user name"=bob', '05:18:16', 'warn', 'slow', { 'level': 'WARN', 'msg': 'slow', 'user name': 'bob' }],
  ['log4j2, the context behind the logger', '2022-08-22 05:18:16,123 WARN c.e.Cart {spanId=00f067aa0ba902b7, tenant=a} slow', '05:18:16.123', 'warn', 'slow', { 'log.logger': 'c.e.Cart', 'log.context': 'spanId=00f067aa0ba902b7, tenant=a' }],
  ['log4j2, no context', '2022-08-22 05:18:16,123 WARN c.e.Cart {} slow', '05:18:16.123', 'warn', 'slow', { 'log.logger': 'c.e.Cart' }],
  ['log4j2, the location alone', '2022-08-22 05:18:16,123 INFO Cart.pay(Cart.java:49) hi', '05:18:16.123', 'info', 'hi', { 'log.logger': 'Cart', 'log.origin.function': 'pay', ...place('Cart.java', 49) }],
  ['Spring Boot, Tomcat\'s own logger', '2022-08-22T05:18:16.123Z ERROR 7 --- [shop] [nio-8080-exec-1] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : threw exception', '05:18:16.123', 'error', 'threw exception', { 'process.pid': 7, 'process.thread.name': 'nio-8080-exec-1', 'log.logger': 'o.a.c.c.C.[.[.[/].[dispatcherServlet]', 'service.name': 'shop' }],
  ['Flask', '[2022-08-22 05:18:16,123] ERROR in app: Exception on /e [GET]', '05:18:16.123', 'error', 'Exception on /e [GET]', { 'log.logger': 'app' }],
  ['Sanic', 'Main |2022-08-22 05:18:16 +0000 INFO: Worker ready', '05:18:16', 'info', 'Main |2022-08-22 05:18:16 +0000 INFO: Worker ready', {}],
  ['celery, of a task', '[2022-08-22 05:18:16,123: INFO/ForkPoolWorker-1] shop.pay[bf1d8470-fdbc-459f-ada4-eb8b3f87b35b]: paid', '05:18:16.123', 'info', 'shop.pay[bf1d8470-fdbc-459f-ada4-eb8b3f87b35b]: paid', { 'process.thread.name': 'ForkPoolWorker-1', 'job_id': 'bf1d8470-fdbc-459f-ada4-eb8b3f87b35b' }],
  ['Ruby with the request that Rails puts before', 'I, [2022-08-22T05:18:16.123456 #17]  INFO -- : [9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f] Completed 200 OK in 5ms', '05:18:16.123456', 'info', 'Completed 200 OK in 5ms', { 'process.pid': 17, 'request_id': '9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f' }],
  ['Rails, the message alone', '[9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f] Started GET "/cart" for 10.0.0.7', null, null, 'Started GET "/cart" for 10.0.0.7', { request_id: '9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f' }],
  ['Ruby with a formatter of one\'s own', '2022-08-22 05:18:16 UTC WARN -- shop: slow', '05:18:16', 'warn', 'slow', { 'process.name': 'shop' }],
  ['Monolog with context and extra', '[2022-08-22T05:18:16.123456+00:00] app.NOTICE: paid {"order":17} {"uid":"a"}', '05:18:16.123456', 'info', 'paid', { 'log.logger': 'app', 'order': 17, 'uid': 'a' }],
  ['Monolog with extra alone', '[2022-08-22T05:18:16.123456+00:00] app.NOTICE: paid [] {"uid":"a"}', '05:18:16.123456', 'info', 'paid', { 'log.logger': 'app', 'uid': 'a' }],
  ['PHP on the terminal', 'Fatal error: Uncaught Declined: no money in /a.php:3', null, 'error', 'Fatal error: Uncaught Declined: no money in /a.php:3', {}],
  ['Postgres, the time in angles', '<2022-08-22 05:18:16 UTC> 77 LOG:  statement: select 1', '05:18:16', 'info', 'statement: select 1', { 'process.pid': 77 }],
  ['etcd\'s raft, without a blank', 'raft2022/08/22 05:18:16 INFO: became follower', '05:18:16', 'info', 'became follower', { 'log.logger': 'raft' }],
  ['haproxy\'s own words', '[WARNING]  (12) : Server web/s2 is DOWN', null, 'warn', 'Server web/s2 is DOWN', { 'process.pid': 12 }],
  ['nginx, the request\'s id first', '[22/Aug/2022:05:18:16 +0000] 78ccee707adedaf4ed89e6c070b53bb2 shop.example "GET /cart?a=b HTTP/1.1" 200 17', '05:18:16', null, '78ccee707adedaf4ed89e6c070b53bb2 shop.example "GET /cart?a=b HTTP/1.1" 200 17', { 'http.request.method': 'GET', 'url.original': '/cart?a=b', 'url.path': '/cart', 'http.version': '1.1', 'http.response.status_code': 200, 'request_id': '78ccee707adedaf4ed89e6c070b53bb2' }],
  ['granian', '[2022-08-22 05:18:16 +0000] 10.0.0.7 - "GET /cart HTTP/1.1" 200 0.110', '05:18:16', null, '10.0.0.7 - "GET /cart HTTP/1.1" 200 0.110', { 'source.address': '10.0.0.7', 'http.request.method': 'GET', 'url.original': '/cart', 'url.path': '/cart', 'http.version': '1.1', 'http.response.status_code': 200 }],
  // syslog
  ['syslog', 'Aug 22 05:18:16 host sshd[77]: Failed password', '05:18:16', null, 'Failed password', { 'host.hostname': 'host', 'process.name': 'sshd', 'process.pid': 77 }],
  ['syslog with a priority', '<11>Aug 22 05:18:16 host app: x', '05:18:16', 'error', 'x', { 'log.syslog.priority': 11, 'host.hostname': 'host', 'process.name': 'app' }],
  ['syslog without a host', '<14>Aug 22 05:18:16 su[3]: x', '05:18:16', 'info', 'x', { 'log.syslog.priority': 14, 'process.name': 'su', 'process.pid': 3 }],
  ['syslog with an ISO time', '2022-08-22T05:18:16.123456+00:00 host systemd[1]: Started', '05:18:16.123456', null, 'Started', { 'host.hostname': 'host', 'process.name': 'systemd', 'process.pid': 1 }],
  ['RFC 5424', '<165>1 2022-08-22T05:18:16.123Z host app 77 ID47 [ex@1 a="b \\"c\\"" n="2"] \ufeffhello', '05:18:16.123', 'info', 'hello', { 'log.syslog.priority': 165, 'log.syslog.version': '1', 'host.hostname': 'host', 'process.name': 'app', 'process.pid': 77, 'log.syslog.msgid': 'ID47', 'log.syslog.structured_data.ex@1.a': 'b "c"', 'log.syslog.structured_data.ex@1.n': '2' }],
  ['RFC 5424 of nothing', '<11>1 - - - - - - x', null, 'error', 'x', { 'log.syslog.priority': 11, 'log.syslog.version': '1' }],
  ['.NET console with scopes', 'info: Shop.Cart[0]\n      => SpanId:00f067aa0ba902b7, ParentId:0000000000000000 => RequestPath:/cart\n      paid', null, 'info', 'paid', { 'log.logger': 'Shop.Cart', 'event.code': '0', 'log.context': 'SpanId:00f067aa0ba902b7, ParentId:0000000000000000 => RequestPath:/cart' }],
  ['Serilog, the class in parentheses', '2022-08-22 05:18:16.123 [WRN] (Shop.Cart) slow', '05:18:16.123', 'warn', 'slow', { 'log.logger': 'Shop.Cart' }],
  ['klog, a structure of Go among the pairs', 'I0822 05:18:16.123456       1 kubelet.go:10] "SyncLoop (PLEG)" pod="a/b" event=&{ID:0a Type:Started} n=1', '05:18:16.123456', 'info', 'SyncLoop (PLEG)', { 'process.thread.id': 1, ...place('kubelet.go', 10), 'pod': 'a/b', 'event': '&{ID:0a Type:Started}', 'n': '1' }],
  ['klog, pairs called like a message and a time', 'E0822 05:18:16.123456       1 pod.go:10] "Error syncing pod" err="gone" ts="2020-01-01T00:00:00Z"', '05:18:16.123456', 'error', 'Error syncing pod', { 'process.thread.id': 1, ...place('pod.go', 10), 'err': 'gone', 'ts': '2020-01-01T00:00:00Z' }],
  ['log4j, a class without a package and its line', '2022-08-22 05:18:16 [main] INFO  App:12 - hi', '05:18:16', 'info', 'hi', { 'process.thread.name': 'main', 'log.logger': 'App', 'log.origin.file.line': 12 }],
  ['Quarkus with OpenTelemetry', '2022-08-22 05:18:16,123 INFO  traceId=4bf92f3577b34da6a3ce929d0e0e4736, parentId=, spanId=00f067aa0ba902b7, sampled=true [org.acme.X] (executor-thread-0) hi', '05:18:16.123', 'info', 'hi', { 'log.context': 'traceId=4bf92f3577b34da6a3ce929d0e0e4736, parentId=, spanId=00f067aa0ba902b7, sampled=true', ...thread('executor-thread-0', 'org.acme.X') }],
  ['AWS Lambda, Node', '2022-08-22T05:18:16.123Z\t0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d\tWARN\tslow', '05:18:16.123', 'warn', 'slow', { request_id: '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' }],
  ['AWS Lambda, Python', '[WARNING]\t2022-08-22T05:18:16.123Z\t0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d\tslow', '05:18:16.123', 'warn', 'slow', { request_id: '0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d' }],
  ['a number of this day', '1661145496 started', '05:18:16', null, 'started', {}],
  ['syslog, glog inside', 'Aug 22 05:18:16 host kubelet[7]: W0822 05:18:16.123456    7 kubelet.go:10] slow', '05:18:16.123456', 'warn', 'slow', { 'host.hostname': 'host', 'process.name': 'kubelet', 'process.pid': 7, 'process.thread.id': 7, ...place('kubelet.go', 10) }],
  ['syslog, a head of its own inside', 'Aug 22 05:18:16 host app[7]: 2022-08-22 05:18:16.123 ERROR c.e.Cart - failed', '05:18:16.123', 'error', 'failed', { 'host.hostname': 'host', 'process.name': 'app', 'process.pid': 7, 'log.logger': 'c.e.Cart' }],
  ['syslog, a level in brackets inside', 'Aug 22 05:18:16 host app[7]: [WARN] slow', '05:18:16', 'warn', 'slow', { 'host.hostname': 'host', 'process.name': 'app', 'process.pid': 7 }],
  ['Envoy, TCP', '[2022-08-22T05:18:16.123Z] "- - -" 0 - - - "-" 10 20', '05:18:16.123', null, '[2022-08-22T05:18:16.123Z] "- - -" 0 - - - "-" 10 20', { extra: ['-', '-', '-', '-', '10', '20'] }],
  // Access logs
  ['haproxy', '10.0.0.7:33317 [22/Aug/2022:05:18:16.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example} {} "GET /index.html HTTP/1.1"', '05:18:16.655', null, '10.0.0.7:33317 [22/Aug/2022:05:18:16.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {shop.example} {} "GET /index.html HTTP/1.1"', { 'source.address': '10.0.0.7', 'source.port': 33317, 'haproxy.frontend_name': 'http-in', 'haproxy.backend_name': 'static', 'haproxy.server_name': 'srv1', 'haproxy.timers': '10/0/30/69/109', 'duration_ms': 109, 'http.response.status_code': 200, 'http.response.body.bytes': 2750, 'haproxy.termination_state': '----', 'haproxy.connections': '1/1/1/1/0', 'http.request.method': 'GET', 'url.original': '/index.html', 'url.path': '/index.html', 'http.version': '1.1' }],
  ['haproxy behind syslog', '<134>Aug 22 05:18:16 lb haproxy[14]: 10.0.0.7:33317 [22/Aug/2022:05:18:16.655] tcp-in db/pg1 1/2/300 512 -- 1/1/1/1/0 0/0', '05:18:16.655', 'info', '10.0.0.7:33317 [22/Aug/2022:05:18:16.655] tcp-in db/pg1 1/2/300 512 -- 1/1/1/1/0 0/0', { 'source.address': '10.0.0.7', 'source.port': 33317, 'haproxy.frontend_name': 'tcp-in', 'haproxy.backend_name': 'db', 'haproxy.server_name': 'pg1', 'haproxy.timers': '1/2/300', 'duration_ms': 300, 'haproxy.bytes_read': 512, 'haproxy.termination_state': '--', 'haproxy.connections': '1/1/1/1/0', 'log.syslog.priority': 134, 'host.hostname': 'lb', 'process.name': 'haproxy', 'process.pid': 14 }],
  ['haproxy, with a host beside the server and no client', '-:47625 [22/Aug/2022:05:18:16.473] www-https~ app/node2 app.example 0/0/1/17/18 302 291 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"', '05:18:16.473', null, '-:47625 [22/Aug/2022:05:18:16.473] www-https~ app/node2 app.example 0/0/1/17/18 302 291 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"', { 'source.address': '-', 'source.port': 47625, 'haproxy.frontend_name': 'www-https~', 'haproxy.backend_name': 'app', 'haproxy.server_name': 'node2', 'haproxy.timers': '0/0/1/17/18', 'duration_ms': 18, 'http.response.status_code': 302, 'http.response.body.bytes': 291, 'haproxy.termination_state': '----', 'haproxy.connections': '1/1/0/0/0', 'http.request.method': 'GET', 'url.original': '/', 'url.path': '/', 'http.version': '1.1' }],
  ['haproxy with its unique id behind', '10.0.0.7:33317 [22/Aug/2022:05:18:16.655] web app/s1 0/0/0/0/0 403 283 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1" 7F000001:B6F8_7F000001:46A5_6B0B2033_000C:321A', '05:18:16.655', null, '10.0.0.7:33317 [22/Aug/2022:05:18:16.655] web app/s1 0/0/0/0/0 403 283 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1" 7F000001:B6F8_7F000001:46A5_6B0B2033_000C:321A', { 'source.address': '10.0.0.7', 'source.port': 33317, 'haproxy.frontend_name': 'web', 'haproxy.backend_name': 'app', 'haproxy.server_name': 's1', 'haproxy.timers': '0/0/0/0/0', 'duration_ms': 0, 'http.response.status_code': 403, 'http.response.body.bytes': 283, 'haproxy.termination_state': '----', 'haproxy.connections': '1/1/0/0/0', 'http.request.method': 'GET', 'url.original': '/', 'url.path': '/', 'http.version': '1.1', 'request_id': '7F000001:B6F8_7F000001:46A5_6B0B2033_000C:321A' }],
  ['Werkzeug, coloured', '10.0.0.7 - - [22/Aug/2022 05:18:16] "\u001b[33mGET /nope HTTP/1.1\u001b[0m" 404 -', '05:18:16', null, '10.0.0.7 - - [22/Aug/2022 05:18:16] "GET /nope HTTP/1.1" 404 -', { 'source.address': '10.0.0.7', 'http.request.method': 'GET', 'url.original': '/nope', 'url.path': '/nope', 'http.version': '1.1', 'http.response.status_code': 404 }],
  ['Hypercorn', '10.0.0.7:43338 - - [22/Aug/2022:05:18:16 +0000] "GET /cart 1.1" 200 - "-" "curl/7"', '05:18:16', null, '10.0.0.7:43338 - - [22/Aug/2022:05:18:16 +0000] "GET /cart 1.1" 200 - "-" "curl/7"', { 'source.address': '10.0.0.7', 'source.port': 43338, 'http.request.method': 'GET', 'url.original': '/cart', 'url.path': '/cart', 'http.version': '1.1', 'http.response.status_code': 200, 'user_agent.original': 'curl/7' }],
  ['php-fpm, access', '172.18.0.1 -  22/Aug/2022:05:18:16 +0000 "GET /index.php" 200', '05:18:16', null, '172.18.0.1 -  22/Aug/2022:05:18:16 +0000 "GET /index.php" 200', { 'source.address': '172.18.0.1', 'http.request.method': 'GET', 'url.original': '/index.php', 'url.path': '/index.php', 'http.response.status_code': 200 }],
  ['uWSGI', '[pid: 7|app: 0|req: 3/2] 10.0.0.7 (bob) {38 vars in 696 bytes} [Mon Aug 22 05:18:16 2022] POST /cart?a=b => generated 47 bytes in 129 msecs (HTTP/1.1 200) 9 headers in 378 bytes (1 switches on core 3)', '05:18:16', null, '[pid: 7|app: 0|req: 3/2] 10.0.0.7 (bob) {38 vars in 696 bytes} [Mon Aug 22 05:18:16 2022] POST /cart?a=b => generated 47 bytes in 129 msecs (HTTP/1.1 200) 9 headers in 378 bytes (1 switches on core 3)', { 'process.pid': 7, 'source.address': '10.0.0.7', 'user.name': 'bob', 'http.request.method': 'POST', 'url.original': '/cart?a=b', 'url.path': '/cart', 'http.version': '1.1', 'http.response.status_code': 200, 'http.response.body.bytes': 47, 'duration_ms': 129 }],
  ['Django', '[22/Aug/2022 05:18:16] "GET /cart/ HTTP/1.1" 200 57', '05:18:16', null, '[22/Aug/2022 05:18:16] "GET /cart/ HTTP/1.1" 200 57', { 'http.request.method': 'GET', 'url.original': '/cart/', 'url.path': '/cart/', 'http.version': '1.1', 'http.response.status_code': 200, 'extra': ['57'] }],
];

for (const [layout, line, time, level, message, fields] of cases) {
  test(`layout ${layout}`, t => {
    const { timeNs, level: found, message: said, fields: all } = understandLine(Buffer.from(line), { readMs, zone: null });
    // The time as written is always a field.
    const others = Object.fromEntries(Object.entries(all).filter(([name]) => name !== 'time'));
    t.is(timeNs === null ? null : formatTimeNs(timeNs), time === null ? null : `2022-08-22T${time.padEnd(8).trim()}${time.length > 8 ? '' : '.'}`.padEnd(29, '0') + 'Z');
    t.is(found, level);
    t.is(said, message);
    t.deepEqual(others, fields);
  });
}

// Sentences that look a little like a head: nothing is taken off them.
for (const line of [
  'Server: started', 'Failed - retrying', 'connection closed by [10.0.0.7]', '[main] is the branch', '(1) first', 'GET /cart 200 5 ms', '10.0.0.7:5432 - accepting connections', 'Note: see the manual', 'a.b.c: d', 'pool-1 idle', '42 is the answer', 'foo | bar | baz',
  'error handling is hard', '1234567890 bytes sent', '1234567890123 rows', '3:00PM tea',  '[9f8b2c1e] started', 'a [9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f] b', 'Main 2022-08-22 05:18:16 x', 'raft2022/08/22 x', 'they said "GET /x HTTP/1.1" and left', 'In app: x', '<b>2022</b>',  'info about 2022-08-22 05:18:16', 'error 404 at 05:18:16', '[cart] is empty', '[cart] 12 items', '[GET] 05:18:16 x', 'http: server closed', '\u2713 done', '3/4 done', '12-24 05 is a date', 'GET /cart 200 5 ms - 17 bytes', 'took 5 ms', 'x=1', 'user{id}: gone', '5:18 is early', 'May the force be with you', 'I, robot', 'E2E tests passed', 'D20 rolled', '<b>bold</b>', '{not json}', '1:2:3 go', 'expires 2030-01-01 00:00:00', 'item[3] x y', 'Mar 99 is no day',
]) {
  test(`no head: ${line}`, t => {
    const { timeNs, level, message, fields } = understandLine(Buffer.from(line), { readMs, zone: null });
    t.deepEqual([timeNs, level, message, fields], [null, null, line, {}]);
  });
}

// A head, and behind it a sentence that keeps its words.
for (const [line, message] of [
  ['2022-08-22 05:18:16 INFO [GET] /cart', '[GET] /cart'],
  ['2022-08-22 05:18:16 ERROR failed - retrying', 'failed - retrying'],
  ['2022-08-22 05:18:16 WARN Cache: cold', 'Cache: cold'],
  ['2022-08-22 05:18:16 INFO 3 items', '3 items'],
  ['2022-08-22 05:18:16 INFO (3) items', '(3) items'],
  ['2022-08-22 05:18:16 took [12 ms]', 'took [12 ms]'],
  ['2022-08-22 05:18:16 user@host connected', 'user@host connected'],
  ['2022-08-22 05:18:16 INFO -1 rows', '-1 rows'],
  ['2022-08-22 05:18:16 INFO [d41d8cd98f] sum', '[d41d8cd98f] sum'],
  ['2022-08-22 05:18:16 INFO [9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f] user', '[9f8b2c1e-5d7a-4b6c-8e9f-0a1b2c3d4e5f] user'],
  ['2022-08-22 05:18:16 INFO user{id=3}: failed: gone', 'failed: gone'],
  ['2022-08-22 05:18:16 ERROR! all is lost', 'ERROR! all is lost'],
  ['2022-08-22 05:18:16 INFO a > b', 'a > b'],
  ['2022-08-22 05:18:16 INFO in time: no', 'in time: no'],
  ['[2022-08-22 05:18:16] INFO: in time: no', 'in time: no'],
  ['2022-08-22 05:18:16 INFO a.b {"x":1} c', 'a.b {"x":1} c'],
  ['2022-08-22 05:18:16 [cart] note: slow', '[cart] note: slow'],
  ['2022-08-22 05:18:16 INFO 10.0.0.7:5432 is up', '10.0.0.7:5432 is up'],
  ['2022-08-22 05:18:16 INFO done (see above)', 'done (see above)'],
  ['2022-08-22 05:18:16 WARN see {docs}', 'see {docs}'],
] as const) {
  test(`the message is whole: ${line}`, t => {
    t.is(understandLine(Buffer.from(line)).message, message);
  });
}
