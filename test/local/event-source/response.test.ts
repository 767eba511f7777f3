import { describe, expect, it } from 'vitest';
import { failedMessageIds } from '../../../local/event-source/response.ts';

const batch = new Set(['a', 'b', 'c']);

describe('a partial batch response', () => {
  it.each([
    ['an empty answer', ''],
    ['null', 'null'],
    ['an empty object', '{}'],
    ['no list', '{"batchItemFailures":null}'],
    ['an empty list', '{"batchItemFailures":[]}'],
  ])('of %s is a complete success', (_name, payload) => {
    expect(failedMessageIds(payload, batch)).toEqual(new Set());
  });

  it('keeps the messages that it names', () => {
    const payload = '{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"c"}]}';
    expect(failedMessageIds(payload, batch)).toEqual(new Set(['a', 'c']));
  });

  it.each([
    ['that is not JSON', 'oops'],
    ['that is a text', '"done"'],
    ['that is a list', '[]'],
    ['with a list that is none', '{"batchItemFailures":"a"}'],
    ['with an empty identifier', '{"batchItemFailures":[{"itemIdentifier":""}]}'],
    ['with a null identifier', '{"batchItemFailures":[{"itemIdentifier":null}]}'],
    ['with a number for an identifier', '{"batchItemFailures":[{"itemIdentifier":1}]}'],
    ['with a wrong key', '{"batchItemFailures":[{"messageId":"a"}]}'],
    ['with a null failure', '{"batchItemFailures":[null]}'],
    ['with a message of another batch', '{"batchItemFailures":[{"itemIdentifier":"z"}]}'],
    [
      'with one good and one bad identifier',
      '{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":""}]}',
    ],
  ])('%s is a complete failure', (_name, payload) => {
    expect(failedMessageIds(payload, batch)).toEqual({ invalid: expect.any(String) });
  });
});
