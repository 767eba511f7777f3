import type { TaskType } from '../models/task-configuration.ts';
import type { PredictInputKind } from './predictor.ts';

const inputKinds: Readonly<Record<TaskType, PredictInputKind>> = {
  tensor: 'tensors',
  'image-classification': 'image',
  'object-detection': 'image',
  'image-segmentation': 'image',
  'text-detection': 'image',
  'text-recognition': 'image',
  'image-feature-extraction': 'image',
  'feature-extraction': 'text',
  'text-classification': 'text',
  'token-classification': 'text',
  'audio-classification': 'audio',
  'voice-activity-detection': 'audio',
  'tabular-classification': 'row',
  'tabular-regression': 'row',
  pipeline: 'image',
};

/** The kind of input that a task takes, whatever its model. */
export function inputKindOf(task: TaskType): PredictInputKind {
  return inputKinds[task];
}
