import { randomBytes } from 'node:crypto';

/**
 * The line that Lambda writes after each invocation, in the form of its JSON logs
 * (docs: monitoring-cloudwatchlogs-advanced). `initDurationMs` marks a cold start.
 */
export function platformReport(report: {
  readonly requestId: string;
  readonly status: string;
  readonly durationMs: number;
  readonly initDurationMs: number | undefined;
  readonly memoryMiB: number;
}): string {
  const { requestId, status, durationMs, initDurationMs, memoryMiB } = report;
  return JSON.stringify({
    time: new Date().toISOString(),
    type: 'platform.report',
    record: {
      requestId,
      status,
      metrics: {
        durationMs: hundredths(durationMs),
        memorySizeMB: memoryMiB,
        ...(initDurationMs === undefined ? {} : { initDurationMs: hundredths(initDurationMs) }),
      },
    },
  });
}

/** X-Ray's header, not sampled: there is no daemon to send segments to. */
export function newTraceId(): string {
  const time = Math.floor(Date.now() / 1000).toString(16);
  const id = randomBytes(12).toString('hex');
  return `Root=1-${time}-${id};Parent=${randomBytes(8).toString('hex')};Sampled=0`;
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100;
}
