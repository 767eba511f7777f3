import { existsSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { bundleFunctions } from '../../infra/bundle.ts';
import { ConfigurationError } from '../../infra/configuration-error.ts';
import { stageImage } from '../../infra/image.ts';
import { InferenceService } from '../../infra/inference-service.ts';
import type { InferenceServiceProps } from '../../infra/inference-service-props.ts';
import { imageFolder } from '../../infra/paths.ts';

/** The templates need something to name as their assets; what is in them is for other tests. */
if (!existsSync(imageFolder)) {
  await bundleFunctions();
  stageImage();
}

export const account = '123456789012';
export const region = 'eu-west-1';

/** A stack that knows where it is deployed. */
export function createStack(name = 'Test'): Stack {
  return new Stack(new App(), name, { env: { account, region } });
}

export interface Synthesised {
  readonly stack: Stack;
  readonly service: InferenceService;
  readonly template: Template;
}

/**
 * A service and its template.
 * @param build makes the props in the stack, and may change the service afterwards by the function it returns
 */
export function synthesise(
  props: InferenceServiceProps | ((stack: Stack) => InferenceServiceProps) = {},
  change: (service: InferenceService, stack: Stack) => void = () => {},
): Synthesised {
  const stack = createStack();
  const service = new InferenceService(
    stack,
    'Inference',
    typeof props === 'function' ? props(stack) : props,
  );
  change(service, stack);
  return { stack, service, template: Template.fromStack(stack) };
}

/** A resource of a template, as it is written. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** The resources of one type, by logical id. */
export function resourcesOf(template: Template, type: string): Record<string, Resource> {
  return template.findResources(type) as Record<string, Resource>;
}

/** The one resource of a type whose logical id begins so. */
export function resourceOf(template: Template, type: string, prefix: string): Resource {
  const found = Object.entries(resourcesOf(template, type)).filter(([id]) => id.startsWith(prefix));
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`${type} ${prefix}: expected one, got ${found.map(([id]) => id).join(', ')}`);
  }
  return first[1];
}

/** The sentences that a service refuses its props with. */
export function problemsOf(
  props: InferenceServiceProps | ((stack: Stack) => InferenceServiceProps),
  stack: Stack = createStack(),
): readonly string[] {
  try {
    new InferenceService(stack, 'Inference', typeof props === 'function' ? props(stack) : props);
  } catch (thrown) {
    if (thrown instanceof ConfigurationError) return thrown.problems;
    throw thrown;
  }
  return [];
}
