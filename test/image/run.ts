import { spawn } from 'node:child_process';

/** Runs a program to its end; gives what it printed. @throws Error with its last words when it fails */
export async function run(
  program: string,
  words: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const out: Buffer[] = [];
  const all: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => {
    out.push(chunk);
    all.push(chunk);
  });
  child.stderr.on('data', (chunk: Buffer) => all.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) {
    const lastWords = Buffer.concat(all).toString().trim().split('\n').slice(-20).join('\n');
    throw new Error(`${program} ${words.join(' ')}: exit code ${code}\n${lastWords}`);
  }
  return Buffer.concat(out).toString();
}
