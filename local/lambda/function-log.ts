import { createWriteStream, statSync, truncateSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the output of one function goes: a file, and whoever listens. */
export interface FunctionLog {
  /** One line that the function printed, or that Lambda says about it. */
  write(line: string): void;
  close(): Promise<void>;
}

/** A log that has grown beyond this when the laptop cloud starts begins anew. */
const keptBytes = 16 * 1024 * 1024;

/**
 * Opens `<functionName>.log` to append to.
 * @param onLine also hears each line
 */
export async function openFunctionLog(
  logsDir: string,
  functionName: string,
  onLine: (functionName: string, line: string) => void,
): Promise<FunctionLog> {
  await mkdir(logsDir, { recursive: true });
  const path = join(logsDir, `${functionName}.log`);
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > keptBytes) truncateSync(path);
  const stream = createWriteStream(path, { flags: 'a' });
  // A full disk must not stop the functions.
  stream.on('error', () => undefined);
  return {
    write(line) {
      stream.write(`${line}\n`);
      onLine(functionName, line);
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}
