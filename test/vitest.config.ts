import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'examples/*/node_modules/**'],
    // ONNX Runtime writes a telemetry id into the home folder unless told before it is loaded.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // One process a file: a model that kills its process then costs that file alone.
    pool: 'forks',
    testTimeout: 20_000,
  },
});
