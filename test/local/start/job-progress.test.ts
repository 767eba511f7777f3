import { describe, expect, it } from 'vitest';
import { followJobs } from '../../../local/job-progress.ts';
import { jobKeys } from '../../../src/contract/job-keys.ts';

describe('who follows jobs', () => {
  const keys = jobKeys('tones.0123456789abcdef');

  it('hears how far a job is, at most once a second', () => {
    const heard: string[] = [];
    let nowMs = 5000;
    const follow = followJobs(
      (sentence) => heard.push(sentence),
      () => nowMs,
    );
    follow(keys.job, 'results');
    follow(keys.plan, 'results');
    for (let shard = 0; shard < 40; shard++) {
      follow(keys.output(shard, 40, 'jsonl'), 'results');
      nowMs += 100;
    }
    follow(keys.errors(7, 40), 'results');
    follow(keys.manifest, 'results');
    expect(heard).toEqual([
      'job tones.0123456789abcdef: accepted',
      'job tones.0123456789abcdef: 1 of 40 parts written',
      'job tones.0123456789abcdef: 11 of 40 parts written',
      'job tones.0123456789abcdef: 21 of 40 parts written',
      'job tones.0123456789abcdef: 31 of 40 parts written',
      `job tones.0123456789abcdef: some records failed, see s3://results/${keys.errors(7, 40)}`,
      'job tones.0123456789abcdef: complete, see s3://results/jobs/tones.0123456789abcdef/',
    ]);
  });

  it('hears of what went wrong, and nothing of what is the job’s own business', () => {
    const heard: string[] = [];
    const follow = followJobs((sentence) => heard.push(sentence));
    follow(keys.failedShard(3), 'results');
    follow(keys.control, 'results');
    follow(keys.planGroup(0), 'results');
    follow(keys.done(0, 3, 'r1.f2'), 'results');
    follow(keys.calibration, 'results');
    follow('elsewhere/output/part-00000-of-00001.jsonl', 'results');
    expect(heard).toEqual([
      `job tones.0123456789abcdef: a shard was given up, see s3://results/${keys.failedShard(3)}`,
      `job tones.0123456789abcdef: was stopped, see s3://results/${keys.control}`,
    ]);
  });
});
