/** What Lambda calls: each has `functions/<name>/handler.ts` and is bundled to `<name>/handler.mjs`. */
export const functionNames = ['api', 'plan', 'transform'] as const;
export type FunctionName = (typeof functionNames)[number];

/** The handler that Lambda is told: file and export, below its task root. */
export function handlerOf(name: FunctionName): string {
  return `${name}/handler.handler`;
}
