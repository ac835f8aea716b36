/** What the demo says about itself; bunyan's loggers fit. */
export interface DemoLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
