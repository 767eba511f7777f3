import { invalidRequest, ServingError } from '../../errors.ts';
import type { Prediction } from '../../inference/prediction.ts';
import type { ModelAdministration, ModelProvider } from '../../models/provider.ts';
import type { RepositoryIndexEntry } from '../../protocol/documents.ts';
import { isAbsent, parseBoolean, parseObject } from '../../protocol/fields.ts';
import { parseJsonDocument } from '../../protocol/json-document.ts';
import { parseParameters } from '../../protocol/parameters.ts';
import { emptyResponse, type HttpRequest, jsonResponse } from './http.ts';
import type { RouteHandler } from './router.ts';

/**
 * `POST /v2/repository/index` (Triton's repository extension). A version is READY when it can be called, for it is
 * loaded by the first call that needs it; one that failed in this environment is UNAVAILABLE with the reason.
 */
export function repositoryIndexRoute(models: ModelAdministration): RouteHandler {
  return async (request) => {
    const { ready } = parseOptionalBody(request);
    const readyOnly = isAbsent(ready) ? false : parseBoolean(ready, 'ready');
    const entries = (await models.index()).map(
      ({ model, version, failure }): RepositoryIndexEntry => ({
        name: model,
        ...(version === '' ? {} : { version }),
        state: failure === undefined ? 'READY' : 'UNAVAILABLE',
        reason: failure ?? '',
      }),
    );
    return jsonResponse(readyOnly ? entries.filter(({ state }) => state === 'READY') : entries);
  };
}

/**
 * `POST /v2/repository/models/{model}/load`: reads the model's folder anew and loads it into this environment, of
 * a pipeline the models that it calls. The repository is the bucket alone, so the parameters that replace files or
 * configuration are refused.
 */
export function loadRoute(models: ModelAdministration, prediction: Prediction): RouteHandler {
  return async (request, { model = '' }) => {
    const { parameters } = parseOptionalBody(request);
    const [name] = Object.keys(parseParameters(parameters, 'parameters'));
    if (name !== undefined) {
      throw new ServingError(
        'INVALID_REQUEST',
        `parameters: ${JSON.stringify(name)} is not supported; publish the file to the model repository`,
      );
    }
    await models.refresh(model);
    const reference = { model, version: undefined };
    if ((await prediction.pipelineOf(reference)) === undefined) await models.load(model);
    else await prediction.load(reference);
    return emptyResponse(200);
  };
}

/**
 * `POST /v2/repository/models/{model}/unload`: gives back what the model holds of this environment's memory. It stays
 * in the repository, and the next call loads it again.
 */
export function unloadRoute(models: ModelAdministration, provider: ModelProvider): RouteHandler {
  return async (request, { model = '' }) => {
    parseOptionalBody(request);
    await provider.describe(model);
    models.unload(model);
    return emptyResponse(200);
  };
}

/** A body that may be empty, and else is an object. */
function parseOptionalBody({ body }: HttpRequest): Readonly<Record<string, unknown>> {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  if (text.trim() === '') return {};
  const { root } = parseJsonDocument(text, 'body');
  if (Array.isArray(root)) throw invalidRequest('body', 'an object', 'an array');
  return parseObject(root, 'body');
}
