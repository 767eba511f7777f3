/** What one shard, or one group of shards, came to. */
export interface Figures {
  /** Records read: those with predictions and those that failed. */
  readonly records: number;
  readonly failed: number;
  /** Lines of the input that the shard stood on, empty ones too: the base for the numbers of those behind it. */
  readonly numbers: number;
  readonly outputBytes: number;
  /** CRC-32 of the output part, in eight hexadecimal digits. */
  readonly outputCrc32: string;
  readonly errorsBytes: number;
  /** Time spent on it by the attempt that decided it, and the model's share. */
  readonly workMs: number;
  readonly runMs: number;
}

const pattern = /^r(\d+)-f(\d+)-n(\d+)-b(\d+)-c([0-9a-f]{8})-e(\d+)-w(\d+)-m(\d+)/;

/** Figures as a key can hold them: one listing then tells them for a thousand shards. */
export function encodeFigures(figures: Figures): string {
  const { records, failed, numbers, outputBytes, outputCrc32, errorsBytes } = figures;
  const workMs = Math.round(figures.workMs);
  const runMs = Math.round(figures.runMs);
  return `r${records}-f${failed}-n${numbers}-b${outputBytes}-c${outputCrc32}-e${errorsBytes}-w${workMs}-m${runMs}`;
}

/** undefined when the text does not begin with figures. */
export function parseFigures(text: string): Figures | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, ...groups] = match;
  const number = (index: number) => Number(groups[index]);
  return {
    records: number(0),
    failed: number(1),
    numbers: number(2),
    outputBytes: number(3),
    outputCrc32: groups[4] ?? '',
    errorsBytes: number(5),
    workMs: number(6),
    runMs: number(7),
  };
}

/** `<number>.<figures>` at the end of a key; undefined when it is not one. */
export function parseNumberedFigures(
  key: string,
): { readonly number: number; readonly figures: Figures } | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const dot = name.indexOf('.');
  const figures = parseFigures(name.slice(dot + 1));
  return figures === undefined ? undefined : { number: Number(name.slice(0, dot)), figures };
}

/** The figures of several shards as one. Their checksums do not add up, so it has none. */
export function sumFigures(all: Iterable<Figures>): Figures {
  const sum = {
    records: 0,
    failed: 0,
    numbers: 0,
    outputBytes: 0,
    outputCrc32: '00000000',
    errorsBytes: 0,
    workMs: 0,
    runMs: 0,
  };
  for (const figures of all) {
    sum.records += figures.records;
    sum.failed += figures.failed;
    sum.numbers += figures.numbers;
    sum.outputBytes += figures.outputBytes;
    sum.errorsBytes += figures.errorsBytes;
    sum.workMs += figures.workMs;
    sum.runMs += figures.runMs;
  }
  return sum;
}
