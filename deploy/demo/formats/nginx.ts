const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

export interface Access {
  client: string;
  method: string;
  path: string;
  status: number;
  bodyBytes: number;
  userAgent: string;
  tookMs: number;
  requestId: string;
}

/** nginx' `combined` line with `request_time=$request_time request_id=$request_id msec=$msec` behind it; its time has whole seconds, as there. */
export function accessLine(access: Access, now = new Date()): string {
  const [year, month, day] = [now.getUTCFullYear(), months[now.getUTCMonth()]!, twoDigits(now.getUTCDate())];
  const time = `${day}/${month}/${year}:${clockTime(now)} +0000`;
  const request = `"${access.method} ${access.path} HTTP/1.1" ${access.status} ${access.bodyBytes} "-" "${access.userAgent}"`;
  return `${access.client} - - [${time}] ${request} request_time=${(access.tookMs / 1000).toFixed(3)} request_id=${access.requestId} msec=${(now.getTime() / 1000).toFixed(3)}\n`;
}

/** A line of nginx' error log: `2026/11/21 08:15:01 [error] 31#31: message`. */
export function errorLine(level: 'notice' | 'warn' | 'error', message: string, now = new Date()): string {
  const date = `${now.getUTCFullYear()}/${twoDigits(now.getUTCMonth() + 1)}/${twoDigits(now.getUTCDate())}`;
  return `${date} ${clockTime(now)} [${level}] ${process.pid}#${process.pid}: ${message}\n`;
}

function clockTime(now: Date): string {
  return now.toISOString().slice(11, 19);
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
