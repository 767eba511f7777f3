import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addConstant } from '../support/onnx-model.ts';
import { SeededRandom } from '../support/random.ts';
import { countRequests, jsonOf, type Serving, startServing } from '../support/serving.ts';

let serving: Serving;

beforeAll(async () => {
  const random = new SeededRandom(7);
  serving = await startServing({ random: () => random.unit() });
});
afterAll(() => serving.close());

/** Publishes bare versions, of which each adds its own number. */
async function putVersions(model: string, ...versions: number[]): Promise<void> {
  for (const version of versions) {
    await serving.put(`${model}/${version}/model.onnx`, addConstant('FP32', [-1], version));
  }
}

async function configure(model: string, document: unknown): Promise<void> {
  await serving.put(
    `${model}/config.json`,
    typeof document === 'string' ? document : JSON.stringify(document),
  );
  serving.models.forget(model);
}

/** Which constant a model adds, with the version that it names; or the status and message of the error. */
async function answerOf(path: string): Promise<string> {
  const response = await serving.call('POST', `/v2/models/${path}/infer`, {
    body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [0] }] },
  });
  const document = Object(jsonOf(response));
  if (response.statusCode !== 200) return `${response.statusCode} ${document.error}`;
  return `version ${document.model_version} adds ${document.outputs[0].data[0]}`;
}

async function countAnswers(path: string, calls: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let call = 0; call < calls; call++) {
    const answer = await answerOf(path);
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

describe('traffic', () => {
  it('is shared as the configuration says, within what chance does to a thousand calls', async () => {
    await putVersions('canary', 3, 4);
    await configure('canary', { traffic: { '3': 95, next: 5 }, aliases: { next: '4' } });
    const {
      'version 3 adds 3': old = 0,
      'version 4 adds 4': next = 0,
      ...others
    } = await countAnswers('canary', 1_000);
    expect(others).toEqual({});
    expect(old + next).toBe(1_000);
    // Five standard deviations of the binomial distribution: 50 ± 5 · 6.9.
    expect(next).toBeGreaterThan(15);
    expect(next).toBeLessThan(85);
    expect(await countAnswers('canary/versions/3', 20)).toEqual({ 'version 3 adds 3': 20 });
  });

  it('goes to what there is while a version of it is taken away, and back when it is there', async () => {
    await putVersions('shrunk', 1);
    await configure('shrunk', { traffic: { '1': 1, '2': 99 } });
    expect(await countAnswers('shrunk', 20)).toEqual({ 'version 1 adds 1': 20 });
    await putVersions('shrunk', 2);
    serving.models.forget('shrunk');
    expect((await countAnswers('shrunk', 100))['version 2 adds 2']).toBeGreaterThan(80);
  });

  it('of versions that are not there is refused by name, and named versions serve on', async () => {
    await putVersions('nothing', 1);
    await configure('nothing', { traffic: { '8': 1, best: 1 } });
    expect(await answerOf('nothing')).toBe(
      '503 model nothing: config.json: traffic: expected a version or alias that can be called, got 8, best; it has 1',
    );
    expect(await answerOf('nothing/versions/1')).toBe('version 1 adds 1');
  });
});

describe('aliases and the version policy', () => {
  it('an alias of a version that is not there is told', async () => {
    await putVersions('dangling', 1);
    await configure('dangling', { aliases: { stable: '7' } });
    expect(await answerOf('dangling/versions/stable')).toBe(
      '404 model dangling: alias stable points at version 7, which cannot be called; it has 1',
    );
    expect(await answerOf('dangling')).toBe('version 1 adds 1');
  });

  it('an alias leads to no version that the policy closes', async () => {
    await putVersions('closed', 1, 2);
    const versionPolicy = { specific: { versions: ['2'] } };
    await configure('closed', { aliases: { old: '1', new: '2' }, versionPolicy });
    expect(await answerOf('closed/versions/old')).toContain(
      '404 model closed: alias old points at',
    );
    expect(await answerOf('closed/versions/1')).toContain('404 ');
    expect(await answerOf('closed/versions/new')).toBe('version 2 adds 2');
    await configure('closed', {
      aliases: { old: '1' },
      versionPolicy: { latest: { numVersions: 2 } },
    });
    expect(await answerOf('closed/versions/old')).toBe('version 1 adds 1');
  });

  it('a policy is told in Triton’s words', async () => {
    await putVersions('told', 1, 2);
    const policyOf = async (configuration: unknown) => {
      await configure('told', configuration);
      const response = await serving.call('GET', '/v2/models/told/config');
      return Object(jsonOf(response)).version_policy;
    };
    expect(await policyOf({})).toEqual({ all: {} });
    const latest = { latest: { numVersions: 2 } };
    expect(await policyOf({ versionPolicy: latest })).toEqual({ latest: { num_versions: 2 } });
    const specific = { specific: { versions: ['2'] } };
    expect(await policyOf({ versionPolicy: specific })).toEqual(specific);
  });

  it('a policy of versions that are not there is told', async () => {
    await putVersions('policed', 1);
    await configure('policed', { versionPolicy: { specific: { versions: ['5'] } } });
    expect(await answerOf('policed')).toBe(
      '503 model policed: config.json: versionPolicy: expected versions that there are, got 5; it has 1',
    );
  });

  it('a version that was published a moment ago is found by its name, though the folder was read before', async () => {
    await putVersions('quick', 1);
    expect(await answerOf('quick')).toBe('version 1 adds 1');
    await putVersions('quick', 2);
    expect(await answerOf('quick')).toBe('version 1 adds 1');
    expect(await answerOf('quick/versions/2')).toBe('version 2 adds 2');
    expect(await answerOf('quick')).toBe('version 2 adds 2');
  });
});

describe('config.json', () => {
  it('may begin with the byte order mark of a Windows editor, as labels.txt may', async () => {
    await putVersions('marked', 1, 2);
    await serving.put('marked/1/labels.txt', '\uFEFFapple\r\npear\r\n');
    await configure('marked', '\uFEFF{"aliases":{"first":"1"}}');
    const response = await serving.call('POST', '/v2/models/marked/versions/first/infer', {
      body: {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [5, 1] }],
        outputs: [{ name: 'y', parameters: { classification: 1 } }],
      },
    });
    expect(jsonOf(response)).toMatchObject({ outputs: [{ data: ['6:0:apple'] }] });
  });

  it.each([
    ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), 'config.json: expected UTF-8 text'],
    ['an array', '[]', 'config.json: the document: expected an object, got an array'],
    ['empty', '', 'config.json is not JSON'],
    ['a page of HTML', '<html>', 'config.json is not JSON'],
  ])('is refused when it is %s', async (form, text, reason) => {
    const model = `form ${form}`;
    await putVersions(model, 1);
    await serving.put(`${model}/config.json`, text);
    expect(await answerOf(encodeURIComponent(model))).toContain(`503 model ${model}: ${reason}`);
  });

  it('of more than 8 MiB is refused without being read', async () => {
    await putVersions('huge', 1);
    await serving.put('huge/config.json', `{}${' '.repeat(8 * 1024 * 1024)}`);
    const counts = countRequests(serving.s3);
    expect(await answerOf('huge')).toBe(
      '503 model huge: config.json: expected at most 8388608 bytes, got 8388610',
    );
    serving.s3.setFaults(undefined);
    expect(counts.has('GetObject huge/config.json')).toBe(false);
  });
});

describe('a model’s folder', () => {
  it('is listed to its end, however many objects lie in it', async () => {
    await putVersions('wide', 1);
    const names = Array.from({ length: 1_100 }, (_, index) => `wide/0/file-${index}`);
    for (let start = 0; start < names.length; start += 100) {
      await Promise.all(names.slice(start, start + 100).map((name) => serving.put(name, '')));
    }
    await serving.put('wide/2/model.onnx', addConstant('FP32', [-1], 2));
    expect(await answerOf('wide')).toBe('version 2 adds 2');
  });

  it('may hold what consoles, Macs and slips of the hand leave behind', async () => {
    await serving.put('messy/', '');
    await serving.put('messy/1/', '');
    await serving.put('messy/2/', '');
    await serving.put('messy//model.onnx', 'no version');
    await serving.put('messy/README.md', 'about this model');
    await serving.put('messy/.git/HEAD', 'ref');
    await serving.put('messy/ü/model.onnx'.normalize('NFD'), 'a name that nobody can call');
    await serving.put('messy/1/model.onnx', addConstant('FP32', [-1], 1));
    await serving.put('messy/1/.DS_Store', 'Bud1');
    await serving.put('messy/1/assets/', '');
    expect(await answerOf('messy')).toBe('version 1 adds 1');
    const index = await serving.call('POST', '/v2/repository/index');
    const versions = jsonOf(index);
    if (!Array.isArray(versions)) throw new Error('expected a list');
    expect(versions.filter(({ name }) => name === 'messy')).toEqual([
      { name: 'messy', version: '1', state: 'READY', reason: '' },
    ]);
  });

  it.each(['1//double.bin', '1/a/../b.bin', '1/model.onnx/part'])(
    'is refused where a file of the version has no place on a disk: %s',
    async (path) => {
      const model = `odd${path.length}`;
      await putVersions(model, 1);
      await serving.put(`${model}/${path}`, 'x');
      expect(await answerOf(model)).toMatch(
        new RegExp(
          `^503 model ${model} version 1: expected (file names without empty|model.onnx to be a file or a folder)`,
        ),
      );
    },
  );

  it('is refused where a name is too long for a disk, in words and not as a failure of ours', async () => {
    await putVersions('longest', 1);
    await serving.put(`longest/1/${'n'.repeat(300)}`, 'x');
    expect(await answerOf('longest')).toBe(
      '503 model longest version 1: its files cannot be written to the temp disk (ENAMETOOLONG)',
    );
  });

  it('is found by the composed form of its name alone', async () => {
    await putVersions('größe', 1);
    expect(await answerOf(encodeURIComponent('größe'.normalize('NFC')))).toBe('version 1 adds 1');
    expect(await answerOf(encodeURIComponent('größe'.normalize('NFD')))).toMatch(
      /^400 model: expected a name of at most 128 letters and digits of any script \(composed: NFC\)/,
    );
  });

  it('is not looked for by what is no name', async () => {
    const counts = countRequests(serving.s3);
    const document = await serving.call('GET', '/openapi.json?model=..%2Fsecret');
    expect(document.statusCode).toBe(404);
    expect(jsonOf(document)).toMatchObject({ error: 'model: expected a name, got "../secret"' });
    serving.s3.setFaults(undefined);
    expect(counts.size).toBe(0);
  });
});
