import { ServingError } from '../errors.ts';
import type { Datatype, TensorMetadata } from '../protocol/tensor.ts';
import type { TaskModel } from './predictor.ts';

/** A configuration that does not fit the model: refused while loading, with the field named. */
export function misconfigured(
  model: TaskModel,
  field: string,
  expected: string,
  got: string,
): ServingError {
  return new ServingError(
    'MODEL_UNAVAILABLE',
    `model ${model.name}: config.json: task.${field}: expected ${expected}, got ${got}`,
  );
}

function pick(
  model: TaskModel,
  field: string,
  side: readonly TensorMetadata[],
  name: string | undefined,
): TensorMetadata {
  const names = side.map((tensor) => tensor.name).join(', ') || 'none';
  if (name === undefined) {
    const [only] = side;
    if (only !== undefined && side.length === 1) return only;
    throw misconfigured(model, field, `one of ${names}`, 'nothing');
  }
  const found = side.find((tensor) => tensor.name === name);
  if (found === undefined) throw misconfigured(model, field, `one of ${names}`, name);
  return found;
}

/** The input that the configuration names, or the model's only one. */
export function pickInput(
  model: TaskModel,
  field: string,
  name: string | undefined,
): TensorMetadata {
  return pick(model, field, model.inputs, name);
}

/** The output that the configuration names, or the model's only one. */
export function pickOutput(
  model: TaskModel,
  field: string,
  name: string | undefined,
): TensorMetadata {
  return pick(model, field, model.outputs, name);
}

/** Every input of the model must be fed by the task: one that is left over is an error now, not at the first call. */
export function requireAllFed(model: TaskModel, fed: readonly string[]): void {
  const left = model.inputs.filter((input) => !fed.includes(input.name));
  if (left.length === 0) return;
  throw misconfigured(
    model,
    'type',
    'a model whose inputs the task fills',
    `input ${left.map((input) => input.name).join(', ')} besides`,
  );
}

/** @param expected how the dimensions are called, outermost first */
export function requireRank(
  model: TaskModel,
  field: string,
  tensor: TensorMetadata,
  expected: readonly (readonly string[])[],
): void {
  if (expected.some((names) => names.length === tensor.shape.length)) return;
  throw misconfigured(
    model,
    field,
    `a tensor ${expected.map((names) => `[${names.join(', ')}]`).join(' or ')}`,
    `${tensor.name} of shape [${tensor.shape.join(', ')}]`,
  );
}

export function requireDatatype(
  model: TaskModel,
  field: string,
  tensor: TensorMetadata,
  allowed: readonly Datatype[],
): void {
  if (allowed.includes(tensor.datatype)) return;
  throw misconfigured(
    model,
    field,
    `a tensor of ${allowed.join(' or ')}`,
    `${tensor.name} of ${tensor.datatype}`,
  );
}

/** A dimension that the configuration determines must be the model's, where the model fixes it. */
export function requireDimension(
  model: TaskModel,
  field: string,
  tensor: TensorMetadata,
  axis: number,
  value: number,
): void {
  const fixed = tensor.shape[axis];
  if (fixed === undefined || fixed < 0 || fixed === value) return;
  throw misconfigured(
    model,
    field,
    `${fixed}, as dimension ${axis} of ${tensor.name} [${tensor.shape.join(', ')}]`,
    `${value}`,
  );
}

/** How many inputs one run takes: the first dimension is free, or it is 1. */
export function largestBatch(model: TaskModel, field: string, tensor: TensorMetadata): number {
  const first = tensor.shape[0] ?? 1;
  if (first < 0) return Number.POSITIVE_INFINITY;
  if (first === 1) return 1;
  throw misconfigured(
    model,
    field,
    'a first dimension that is free or 1',
    `${tensor.name} of shape [${tensor.shape.join(', ')}]`,
  );
}
