import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataInUseError, lockData } from '../../../local/data-lock.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pilotlight-lock-test-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

describe('a data folder', () => {
  it('has one owner at a time', async () => {
    const unlock = await lockData(dataDir);
    await expect(lockData(dataDir)).rejects.toThrow(DataInUseError);
    await expect(lockData(dataDir)).rejects.toThrow(`process ${process.pid}`);
    await unlock();
    const again = await lockData(dataDir);
    await again();
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('is free when its owner was killed', async () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    await writeFile(join(dataDir, 'lock'), `${pid}`);
    const unlock = await lockData(dataDir);
    await unlock();
  });

  it('is made where there is none', async () => {
    const unlock = await lockData(join(dataDir, 'new', 'folder'));
    expect(await readdir(join(dataDir, 'new', 'folder'))).toEqual(['lock']);
    await unlock();
  });

  it('says in a sentence that a folder cannot hold data', async () => {
    const file = join(dataDir, 'a file');
    await writeFile(file, '');
    await expect(lockData(file)).rejects.toThrow(
      `${file} cannot hold the laptop's data: there is a file of that name`,
    );
    await expect(lockData(join(file, 'below'))).rejects.toThrow('a part of its path is a file');
  });
});
