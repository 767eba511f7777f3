import { describe, expect, it } from 'vitest';
import { eventOf, splitBySize, toEventRecord } from '../../../local/event-source/event.ts';

const record = (body: string) =>
  toEventRecord(
    { MessageId: 'id', Body: body },
    'arn:aws:sqs:us-east-1:000000000000:q',
    'us-east-1',
  );

describe('an event', () => {
  it('is split where it would be larger than the limit, and to the byte', () => {
    const records = ['one', 'twö', 'three', 'four'].map(record);
    const two = Buffer.byteLength(eventOf(records.slice(0, 2)));
    // Each record is counted with a comma, the last of them too.
    const groups = splitBySize(records, two + 1);
    expect(groups.map((group) => group.length)).toEqual([2, 1, 1]);
    expect(groups.flat()).toEqual(records);
    for (const group of groups)
      expect(Buffer.byteLength(eventOf(group))).toBeLessThanOrEqual(two + 1);
    expect(splitBySize(records, two).map((group) => group.length)).toEqual([1, 1, 1, 1]);
  });

  it('carries a record that is too large for any event by itself', () => {
    const records = ['small', 'x'.repeat(1000), 'small'].map(record);
    expect(splitBySize(records, 500).map((group) => group.length)).toEqual([1, 1, 1]);
    expect(splitBySize([], 500)).toEqual([]);
  });
});
