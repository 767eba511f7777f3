import { ServingError } from '../errors.ts';
import { elementBytes, viewOf } from '../protocol/datatype.ts';
import type { Tensor, TensorMetadata } from '../protocol/tensor.ts';
import type { WarmUp } from './configuration.ts';
import type { Session } from './session.ts';

/** Runs the configured warm-up requests. @throws ServingError MODEL_UNAVAILABLE that names what does not fit the model */
export async function warmUp(
  label: string,
  session: Session,
  requests: readonly WarmUp[],
): Promise<void> {
  const outputNames = session.outputs.map(({ name }) => name);
  for (const [index, request] of requests.entries()) {
    const where = `${label}: config.json: warmUp[${index}].inputs`;
    const feeds = session.inputs.map((input) =>
      zeros(where, input, request.inputs[input.name]?.shape),
    );
    for (let run = 0; run < request.count; run++) {
      try {
        await session.run(feeds, outputNames);
      } catch (cause) {
        const reason = cause instanceof ServingError ? cause.message : 'the run failed';
        throw new ServingError('MODEL_UNAVAILABLE', `${where}: ${reason}`, { cause });
      }
    }
  }
}

/** A tensor of zeros (empty strings) of a shape that the input allows. */
function zeros(where: string, input: TensorMetadata, shape: readonly number[] | undefined): Tensor {
  const fits =
    shape !== undefined &&
    shape.length === input.shape.length &&
    shape.every((size, axis) => input.shape[axis] === -1 || input.shape[axis] === size);
  if (!fits) {
    const got = shape === undefined ? 'nothing' : `[${shape.join(', ')}]`;
    throw new ServingError(
      'MODEL_UNAVAILABLE',
      `${where}.${input.name}.shape: expected one that fits [${input.shape.join(', ')}], got ${got}`,
    );
  }
  const length = shape.reduce((product, size) => product * size, 1);
  const { name, datatype } = input;
  const data =
    datatype === 'BYTES'
      ? new Array<string>(length).fill('')
      : viewOf(datatype, new ArrayBuffer(length * elementBytes[datatype]), 0, length);
  return { name, datatype, shape, data };
}
