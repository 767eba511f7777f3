import { defineConfig } from 'vitest/config';

/** The image is built and run by `npm run test:image`, apart from the other tests: it takes minutes, and root. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/image/*.check.ts'],
    env: { ORT_DISABLE_TELEMETRY: '1' },
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    disableConsoleIntercept: true,
  },
});
