import { modelFileName } from '../../contract/keys.ts';
import type { Prediction } from '../../inference/prediction.ts';
import type { InferenceStatistics } from '../../inference/statistics.ts';
import { maxBatchSizeOf, type VersionPolicy } from '../../models/configuration.ts';
import type { ModelProvider } from '../../models/provider.ts';
import { pipelineVersion } from '../../models/task/pipeline.ts';
import {
  modelConfigDocument,
  modelMetadata,
  pipelineConfigDocument,
  pipelinePlatform,
  type VersionPolicyDocument,
} from '../../protocol/documents.ts';
import { jsonResponse } from './http.ts';
import type { RouteHandler } from './router.ts';

/**
 * `GET /v2/models/{model}[/versions/{version}]`: names, datatypes and shapes. It loads the model, for only ONNX Runtime
 * knows them. A pipeline has no tensors: its properties say what it takes.
 */
export function modelMetadataRoute(provider: ModelProvider, prediction: Prediction): RouteHandler {
  return async (_request, { model = '', version }) => {
    const pipeline = await prediction.pipelineOf({ model, version });
    if (pipeline !== undefined) {
      return jsonResponse(
        modelMetadata({
          name: model,
          versions: [pipelineVersion],
          platform: pipelinePlatform,
          inputs: [],
          outputs: [],
          properties: { task: pipeline.task, accepts: pipeline.accepts },
        }),
      );
    }
    const lease = await provider.acquire({ model, version });
    try {
      const { versions } = await provider.describe(model);
      const { inputs, outputs } = lease.session;
      return jsonResponse(
        modelMetadata({
          name: model,
          versions: version === undefined ? versions : [lease.pinned.version],
          inputs,
          outputs,
        }),
      );
    } finally {
      lease.release();
    }
  };
}

/** `GET /v2/models/{model}[/versions/{version}]/config`: what of Triton's configuration has a meaning here. */
export function modelConfigRoute(provider: ModelProvider, prediction: Prediction): RouteHandler {
  return async (_request, { model = '', version }) => {
    if ((await prediction.pipelineOf({ model, version })) !== undefined) {
      return jsonResponse(pipelineConfigDocument(model));
    }
    const lease = await provider.acquire({ model, version });
    try {
      const { inputs, outputs } = lease.session;
      const maxBatchSize = maxBatchSizeOf(lease.configuration, 'calls');
      return jsonResponse(
        modelConfigDocument({
          name: model,
          maxBatchSize,
          versionPolicy: versionPolicyDocument(lease.configuration.versionPolicy),
          inputs,
          outputs,
          fileName: modelFileName,
        }),
      );
    } finally {
      lease.release();
    }
  };
}

function versionPolicyDocument(policy: VersionPolicy): VersionPolicyDocument {
  return 'latest' in policy ? { latest: { num_versions: policy.latest.numVersions } } : policy;
}

/**
 * `GET /v2/models/{model}[/versions/{version}]/ready`: loads the model when it is not in memory, since a model here is
 * ready when it can answer, and so that a caller can warm it. A pipeline is ready when all its models are.
 */
export function modelReadyRoute(prediction: Prediction): RouteHandler {
  return async (_request, { model = '', version }) => {
    await prediction.load({ model, version });
    return jsonResponse({ name: model, ready: true });
  };
}

/** `GET /v2/models[/{model}[/versions/{version}]]/stats`: what this environment did since it began. */
export function statisticsRoute(
  provider: ModelProvider,
  prediction: Prediction,
  statistics: InferenceStatistics,
): RouteHandler {
  return async (_request, { model, version }) => {
    if (model === undefined) return jsonResponse({ model_stats: statistics.report() });
    if ((await prediction.pipelineOf({ model, version })) !== undefined) {
      return jsonResponse({ model_stats: statistics.report(model) });
    }
    // An unknown model is an error, one that was not called yet an empty list; an alias counts with its version.
    const pinned = await provider.resolve({ model, version });
    const counted = version === undefined ? undefined : pinned.version;
    return jsonResponse({ model_stats: statistics.report(model, counted) });
  };
}
