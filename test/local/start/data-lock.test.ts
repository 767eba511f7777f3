import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  checkDataFolder,
  DataFolderError,
  DataInUseError,
  dataFolderError,
  lockData,
} from '../../../local/data-lock.ts';
import { DiskWatch } from '../../../local/disk-trouble.ts';

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

  it('stays its owner’s when that is another user', async () => {
    // Process 1 is, to anybody but root: the system then says EPERM of it.
    await writeFile(join(dataDir, 'lock'), '1');
    await expect(lockData(dataDir)).rejects.toThrow(DataInUseError);
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

  it('says so at once where the system makes no folder, and names the variable', async () => {
    for (const folder of ['/proc/nope', '/proc/nope/below']) {
      const refusal = await lockData(folder).catch((error: Error) => error);
      expect(refusal).toBeInstanceOf(DataFolderError);
      expect(String(refusal)).toContain(`${folder} cannot hold the laptop's data: `);
      expect(String(refusal)).toContain('set PILOTLIGHT_DATA_DIR to another folder');
    }
  });

  it('says that the disk is full', async () => {
    // Takes no byte, as a disk that is full.
    await symlink('/dev/full', join(dataDir, `lock.${process.pid}`));
    await expect(checkDataFolder(dataDir)).rejects.toThrow(
      `${dataDir} cannot hold the laptop's data: the disk is full; make room there, or set PILOTLIGHT_DATA_DIR to another folder`,
    );
  });

  it('leaves nothing behind when it was only looked at', async () => {
    await checkDataFolder(join(dataDir, 'new'));
    expect(await readdir(join(dataDir, 'new'))).toEqual([]);
  });

  it('is not blamed for files elsewhere', async () => {
    const elsewhere = await readFile(join(tmpdir(), 'pilotlight-nothing')).catch((error) => error);
    expect(dataFolderError(dataDir, elsewhere)).toBe(elsewhere);
  });
});

describe('an error of the disk', () => {
  it.each([
    ['ENOSPC', 'the disk is full; make room there'],
    ['EDQUOT', "this user's share of the disk is used up; make room there"],
    ['EROFS', 'it is on a file system that is read-only; put that right'],
    ['EACCES', 'this user may not write there; put that right'],
  ])('%s is put into words', (code, words) => {
    const error = Object.assign(new Error(code), { code, syscall: 'write' });
    const told: string[] = [];
    const watch = new DiskWatch('/data', (sentence) => told.push(sentence));
    expect(watch.explain(error)?.sentence).toBe(`/data cannot be used: ${words} and try again`);
    watch.explain(error);
    expect(told).toHaveLength(1);
  });

  it('is not made of others', () => {
    const hangUp = Object.assign(new Error('read'), { code: 'ECONNRESET', syscall: 'read' });
    expect(new DiskWatch('/data', () => undefined).explain(hangUp)).toBeUndefined();
  });
});
