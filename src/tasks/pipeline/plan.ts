import type { PipelineConfiguration } from '../../models/task/pipeline.ts';
import { misconfigured } from '../binding.ts';
import type { TaskModel } from '../predictor.ts';

/** The picture that came in, as a step that others can name. */
export const requestStep = 'request';

/** What each step is made of, found before anything runs. */
export interface PipelinePlan {
  /** The crop that an answer's items come from; undefined when the request's picture is the only item. */
  readonly itemsOf: string | undefined;
}

/**
 * Checks that the steps of a pipeline fit together.
 *
 * @throws ServingError MODEL_UNAVAILABLE that names the step
 */
export function planPipeline(configuration: PipelineConfiguration, model: TaskModel): PipelinePlan {
  /** For each step that gives pictures: the crop that they come from, or the request. */
  const pictures = new Map<string, string>([[requestStep, requestStep]]);
  /** For each step that gives answers: where its pictures come from. */
  const answers = new Map<string, string>();
  /** Detections by the crop that cuts along them. */
  const regionsOf = new Map<string, string>();

  const originOf = (field: string, known: ReadonlyMap<string, string>, name: string): string => {
    const origin = known.get(name);
    if (origin !== undefined) return origin;
    throw misconfigured(model, field, `an earlier step: ${[...known.keys()].join(', ')}`, name);
  };

  for (const [index, step] of configuration.steps.entries()) {
    const field = `steps[${index}]`;
    if (pictures.has(step.name) || answers.has(step.name)) {
      throw misconfigured(model, `${field}.name`, 'a name that no other step has', step.name);
    }
    const origin = originOf(`${field}.images`, pictures, step.images);
    switch (step.operation) {
      case 'predict':
        answers.set(step.name, origin);
        break;
      case 'crop': {
        const regions = originOf(`${field}.regions`, answers, step.regions);
        if (regions !== origin || origin !== requestStep) {
          throw misconfigured(model, `${field}.regions`, `regions of ${requestStep}`, step.regions);
        }
        regionsOf.set(step.regions, step.name);
        pictures.set(step.name, step.name);
        break;
      }
      case 'turn': {
        if (originOf(`${field}.by`, answers, step.by) !== origin) {
          throw misconfigured(model, `${field}.by`, `answers for ${step.images}`, step.by);
        }
        pictures.set(step.name, origin);
        break;
      }
    }
  }

  const origins = configuration.output.items.map((name, index) => {
    const origin = originOf(`output.items[${index}]`, answers, name);
    return regionsOf.get(name) ?? origin;
  });
  if (new Set(origins).size > 1) {
    throw misconfigured(model, 'output.items', 'steps over the same crops', origins.join(', '));
  }
  const [origin] = origins;
  return { itemsOf: origin === requestStep ? undefined : origin };
}
