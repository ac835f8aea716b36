export default {
  extensions: ['ts'],
  files: ['test/**/*.test.ts', '!test/helpers/**', '!test/fixtures/**', '!test/bench/**'],
  nodeArguments: ['--no-warnings'],
  timeout: '4m',
  concurrency: 2,
};
