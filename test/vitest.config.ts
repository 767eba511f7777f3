import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**', 'examples/*/node_modules/**'],
    // ONNX Runtime writes a telemetry id into the home folder unless told before it is loaded.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    // One process a file: a model that kills its process then costs that file alone.
    pool: 'forks',
    // By itself Vitest leaves one processor free, which on two of them means one file at a time.
    maxWorkers: availableParallelism(),
    testTimeout: 20_000,
    // Real processes, sockets and clocks: on CI's shared machine one that was held up is tried once more, and named as such.
    retry: process.env['CI'] === undefined ? 0 : 1,
    // Loading the CDK alone takes seconds on a busy machine.
    hookTimeout: 60_000,
  },
});
