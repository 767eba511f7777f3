import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../local/settings.ts';

describe('the settings of npm start', () => {
  it('have defaults', () => {
    expect(parseSettings({}, [])).toEqual({
      dataDir: resolve('.pilotlight'),
      ports: { s3: 9000, api: 8080, sqs: 0 },
      apiConcurrency: undefined,
      isVerbose: false,
    });
  });

  it('come from variables, and --verbose', () => {
    const variables = {
      PILOTLIGHT_S3_PORT: '0',
      PILOTLIGHT_API_PORT: '65535',
      PILOTLIGHT_SQS_PORT: '9324',
      PILOTLIGHT_DATA_DIR: '/data',
      PILOTLIGHT_ENVIRONMENT_CONCURRENCY: '16',
    };
    expect(parseSettings(variables, ['--verbose'])).toEqual({
      dataDir: '/data',
      ports: { s3: 0, api: 65_535, sqs: 9324 },
      apiConcurrency: 16,
      isVerbose: true,
    });
  });

  it.each(['http', '-1', '65536', '80.5', '0x10', '1e3', ' 1'])(
    'refuse the port "%s" by name',
    (text) => {
      expect(() => parseSettings({ PILOTLIGHT_API_PORT: text }, [])).toThrow(
        `PILOTLIGHT_API_PORT: expected a port from 0 to 65535 (0 for a free one), got "${text}"`,
      );
    },
  );

  it.each(['0', '65', '1.5', 'many'])('refuse the concurrency "%s" by name', (text) => {
    expect(() => parseSettings({ PILOTLIGHT_ENVIRONMENT_CONCURRENCY: text }, [])).toThrow(
      `PILOTLIGHT_ENVIRONMENT_CONCURRENCY: expected a number from 1 to 64, got "${text}"`,
    );
  });

  it('refuse arguments that mean nothing', () => {
    expect(() => parseSettings({}, ['--port=1'])).toThrow('unknown argument --port=1');
  });
});
