import { describe, expect, it } from 'vitest';
import { type AttemptNote, conclude, windowLimit } from '../../src/batch/investigation.ts';

const died = (from: number, to: number, skipped: number[] = []): AttemptNote => ({
  phase: 'running',
  from,
  to,
  skipped,
});
const loading: AttemptNote = { phase: 'loading', from: 0, to: 0, skipped: [] };
const loaded: AttemptNote = { phase: 'loaded', from: 0, to: 0, skipped: [] };

describe('what is concluded from deaths', () => {
  it('is nothing when there were none', () => {
    const findings = conclude([]);
    expect(findings).toMatchObject({ deaths: 0, cannotLoad: false });
    expect(windowLimit(findings, 5)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is to look closer where one happened, and to leave the rest as it was', () => {
    const findings = conclude([died(128, 256)]);
    expect(windowLimit(findings, 0)).toBe(128);
    expect(windowLimit(findings, 128)).toBe(8);
    expect(windowLimit(findings, 250)).toBe(6);
    expect(windowLimit(findings, 256)).toBe(Number.POSITIVE_INFINITY);
  });

  it('goes by the smallest stretch that holds a record', () => {
    const findings = conclude([died(0, 128), died(16, 24), died(18, 19)]);
    expect(windowLimit(findings, 0)).toBe(8);
    expect(windowLimit(findings, 16)).toBe(1);
    expect(windowLimit(findings, 18)).toBe(1);
    expect(windowLimit(findings, 24)).toBe(8);
  });

  it('leaves a record out once it was alone at three deaths', () => {
    const twice = conclude([died(0, 8), died(3, 4), died(3, 4)]);
    expect(twice.poison.size).toBe(0);
    const thrice = conclude([died(3, 4), died(3, 4), died(3, 4)]);
    expect([...thrice.poison]).toEqual([3]);
    expect(windowLimit(thrice, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('does not leave out a record that an attempt got past', () => {
    const alone = [died(3, 4), died(3, 4), died(3, 4)];
    expect(conclude([...alone, died(5, 6)]).poison.size).toBe(0);
    expect([...conclude([...alone, died(5, 6, [3])]).poison]).toEqual([3]);
  });

  it('finds a model that cannot be loaded only when none ever was', () => {
    expect(conclude([loading, loading, loading]).cannotLoad).toBe(false);
    expect(conclude([loading, loading, loading, loading]).cannotLoad).toBe(true);
    expect(conclude([loading, loading, loading, loading, loaded]).cannotLoad).toBe(false);
    expect(conclude([loading, loading, loading, loading, died(0, 8)]).cannotLoad).toBe(false);
  });
});
