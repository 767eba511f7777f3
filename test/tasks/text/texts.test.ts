import { describe, expect, test } from 'vitest';
import { alignTokens } from '../../../src/tasks/text/align.ts';
import { groupByLength } from '../../../src/tasks/text/run.ts';
import { loadModel } from '../support/models.ts';

const text = (value: string) => ({ kind: 'text' as const, text: value });

async function embed(value: string): Promise<readonly number[]> {
  const { predict } = await loadModel('word-mean-64');
  const [prediction] = await predict(text(value));
  return prediction?.type === 'embedding' ? Array.from(prediction.values) : [];
}

describe('texts of any kind are embedded or refused', () => {
  test('nothing, spaces and control characters', async () => {
    for (const value of ['', '   ', '\n\t\r', '\u0000\u0007']) {
      expect((await embed(value)).every(Number.isFinite), JSON.stringify(value)).toBe(true);
    }
  });

  test('a lone surrogate is refused at its place', async () => {
    await expect(embed('ab😀\ud83d')).rejects.toThrow(
      /^text: expected well-formed Unicode, got a lone surrogate as character 3$/,
    );
  });

  test('more than a million characters are refused before they are looked at', async () => {
    const started = performance.now();
    await expect(embed('x'.repeat(5_000_000))).rejects.toMatchObject({ statusCode: 413 });
    expect(performance.now() - started).toBeLessThan(200);
  });

  test('of a megabyte only what fits is looked at, and the answer is that of the whole', async () => {
    const words = 'the quick brown fox jumps over the lazy dog ';
    const started = performance.now();
    const long = await embed(words.repeat(20_000));
    expect(performance.now() - started).toBeLessThan(1000);
    // 512 tokens less the two special ones, nine to a sentence.
    const start = `${words.repeat(56)} the quick brown fox jumps over`;
    expect(long).toEqual(await embed(start));
  });

  test.each([
    ['a word of a megabyte', 'x'.repeat(900_000)],
    ['a megabyte of spaces', ' '.repeat(900_000)],
    ['a megabyte of signs', '!?'.repeat(450_000)],
    ['a megabyte of ideographs', '漢字'.repeat(450_000)],
    ['a megabyte of combining marks', 'e\u0301'.repeat(450_000)],
    ['a megabyte of joined emoji', '👩‍🚀'.repeat(100_000)],
  ])('%s is embedded within seconds', async (_, value) => {
    const started = performance.now();
    expect((await embed(value)).every(Number.isFinite)).toBe(true);
    expect(performance.now() - started).toBeLessThan(8000);
  });
});

describe('texts run in groups of similar length', () => {
  const encoded = (...lengths: number[]) =>
    lengths.map((length) => ({ text: '', ids: Array(length).fill(1), tokens: [], firstToken: 1 }));

  test('short and long ones do not pad each other', () => {
    const groups = groupByLength(encoded(100, 5, 100, 5, 6), 32, false);
    expect(groups).toEqual([
      [1, 3, 4],
      [0, 2],
    ]);
  });

  test('no group is larger than the model takes', () => {
    const groups = groupByLength(encoded(...Array(10).fill(7)), 4, false);
    expect(groups.map((group) => group.length)).toEqual([4, 4, 2]);
  });

  test('a model of one length takes them as they come', () => {
    expect(groupByLength(encoded(100, 5, 100), 32, true)).toEqual([[0, 1, 2]]);
  });
});

describe('tokens are found in the text that they came from', () => {
  const words = (value: string, tokens: readonly string[]) =>
    alignTokens(value, tokens).map(({ start, end }) => value.slice(start, end));

  test.each<[string, readonly string[], readonly string[]]>([
    ['Hello World', ['hello', 'world'], ['Hello', 'World']],
    ['playing', ['play', '##ing'], ['play', 'ing']],
    ['Zoë’s café', ['zoe', '’', 's', 'cafe'], ['Zoë', '’', 's', 'café']],
    ['a 🙂 b', ['a', '[UNK]', 'b'], ['a', '🙂', 'b']],
    ['foo xyzzy, bar', ['foo', '[UNK]', ',', 'bar'], ['foo', 'xyzzy', ',', 'bar']],
    ['new  york', ['\u2581', 'new', '\u2581york'], ['', 'new', 'york']],
    ['new york', ['\u2581new', '\u2581yo', 'rk'], ['new', 'yo', 'rk']],
    ['new york', ['new', '\u0120york'], ['new', 'york']],
    ['ends early', ['ends', 'early', 'more'], ['ends', 'early', '']],
    ['ﬁne', ['fine'], ['ﬁne']],
  ])('%s', (value, tokens, expected) => {
    expect(words(value, tokens)).toEqual(expected);
  });
});
