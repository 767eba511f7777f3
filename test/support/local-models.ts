import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSessionFactory } from '../../src/adapters/onnxruntime/session-factory.ts';
import { ServingError } from '../../src/errors.ts';
import { defaultConfiguration, type ModelConfiguration } from '../../src/models/configuration.ts';
import type { ModelLease, ModelProvider, ModelSummary } from '../../src/models/provider.ts';
import type { ModelReference, PinnedModel } from '../../src/models/reference.ts';
import type { Session } from '../../src/models/session.ts';

interface LocalModel {
  readonly pinned: PinnedModel;
  readonly session: Session;
  readonly configuration: ModelConfiguration;
}

/** Models of one version each, made from bytes and run by ONNX Runtime, without a repository around them. */
export class LocalModels implements ModelProvider {
  readonly #models = new Map<string, LocalModel>();
  readonly #folder = mkdtempSync(join(tmpdir(), 'pilotlight-models-'));
  /** Leases that were not given back. */
  leased = 0;

  async add(
    model: string,
    bytes: Uint8Array,
    configuration: Partial<ModelConfiguration> = {},
    fingerprint = createHash('sha256').update(bytes).digest('hex'),
  ): Promise<void> {
    const path = join(this.#folder, `${model}.onnx`);
    writeFileSync(path, bytes);
    const session = await createSessionFactory().create(path, {
      intraOpThreads: 1,
      graphOptimization: 'all',
    });
    this.#models.set(model, {
      pinned: { model, version: '1', fingerprint },
      session,
      configuration: { ...defaultConfiguration, ...configuration },
    });
  }

  async resolve(reference: ModelReference): Promise<PinnedModel> {
    return this.#find(reference).pinned;
  }

  async acquire(reference: ModelReference): Promise<ModelLease> {
    const { pinned, session, configuration } = this.#find(reference);
    this.leased += 1;
    return {
      pinned,
      session,
      configuration,
      labels: [],
      hit: true,
      loadTimes: undefined,
      release: () => {
        this.leased -= 1;
      },
    };
  }

  async describe(model: string): Promise<ModelSummary> {
    const { pinned, configuration } = this.#find({ model, version: undefined });
    return { model, versions: [pinned.version], configuration };
  }

  #find({ model, version }: ModelReference): LocalModel {
    const found = this.#models.get(model);
    if (found !== undefined && (version === undefined || version === found.pinned.version)) {
      return found;
    }
    throw new ServingError('NOT_FOUND', `model ${model} version ${version} is not found`);
  }

  async close(): Promise<void> {
    for (const { session } of this.#models.values()) await session.release();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
