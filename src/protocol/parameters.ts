import { invalidRequest, ServingError } from '../errors.ts';
import { describe, isAbsent, parseBoolean, parseCount, parseObject, quote } from './fields.ts';
import type { Parameters } from './infer.ts';

/**
 * Parameters of requests, inputs and outputs, and what becomes of those that Triton reserves:
 *
 * | parameter | here |
 * |---|---|
 * | `binary_data_output`, `binary_data`, `binary_data_size`, `classification` | obeyed |
 * | `timeout` (microseconds; 0 for none) | checked; see `requestTimeoutMs` |
 * | `priority` | checked and passed over: an environment has one request at a time, there is no queue to jump |
 * | `sequence_id` but 0 and empty | refused: an environment keeps no state between requests |
 * | `sequence_start`, `sequence_end` | without an id they mean nothing and are passed over |
 * | `shared_memory_region` | refused: caller and server share no memory |
 * | all others | kept for whoever reads them (tasks, logs) |
 */

/** @throws ServingError INVALID_REQUEST */
export function parseParameters(value: unknown, field: string): Parameters {
  if (isAbsent(value)) return {};
  const parameters = parseObject(value, field);
  for (const [name, parameter] of Object.entries(parameters)) {
    const type = typeof parameter;
    if (type !== 'string' && type !== 'number' && type !== 'boolean') {
      throw invalidRequest(
        `${field}[${quote(name)}]`,
        'a string, a number or a boolean',
        describe(parameter),
      );
    }
  }
  return parameters as Parameters;
}

/** The parameters of a whole request. @throws ServingError INVALID_REQUEST */
export function parseRequestParameters(value: unknown): Parameters {
  const parameters = parseParameters(value, 'parameters');
  const sequence = parameters['sequence_id'];
  if (sequence !== undefined && sequence !== 0 && sequence !== '') {
    throw new ServingError(
      'INVALID_REQUEST',
      'parameters.sequence_id: sequences are not supported, for no state is kept between requests; send the state as a tensor',
    );
  }
  if (parameters['priority'] !== undefined) {
    parseCount(parameters['priority'], 'parameters.priority');
  }
  requestTimeoutMs(parameters);
  return parameters;
}

/** The parameters of one input or output. @throws ServingError INVALID_REQUEST */
export function parseTensorParameters(value: unknown, field: string): Parameters {
  const parameters = parseParameters(value, field);
  if (parameters['shared_memory_region'] !== undefined) {
    throw new ServingError(
      'INVALID_REQUEST',
      `${field}.shared_memory_region: shared memory is not supported; send the data`,
    );
  }
  return parameters;
}

/**
 * How long a caller is willing to wait, in milliseconds (`timeout` is in microseconds); undefined for no limit.
 *
 * @throws ServingError INVALID_REQUEST
 */
export function requestTimeoutMs(parameters: Parameters): number | undefined {
  const timeout = parameters['timeout'];
  if (timeout === undefined) return undefined;
  const microseconds = parseCount(timeout, 'parameters.timeout');
  return microseconds === 0 ? undefined : microseconds / 1000;
}

/** @throws ServingError INVALID_REQUEST when the parameter is there and not a boolean */
export function flagOf(parameters: Parameters, name: string, field: string): boolean | undefined {
  const value = parameters[name];
  return value === undefined ? undefined : parseBoolean(value, `${field}.${name}`);
}
