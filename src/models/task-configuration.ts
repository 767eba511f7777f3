import * as v from 'valibot';
import { audioClassificationSchema, voiceActivitySchema } from './task/audio.ts';
import {
  imageClassificationSchema,
  imageFeatureExtractionSchema,
  imageSegmentationSchema,
  textDetectionSchema,
  textRecognitionSchema,
} from './task/image-tasks.ts';
import { objectDetectionSchema } from './task/object-detection.ts';
import { pipelineSchema } from './task/pipeline.ts';
import { tabularClassificationSchema, tabularRegressionSchema } from './task/tabular.ts';
import {
  featureExtractionSchema,
  textClassificationSchema,
  tokenClassificationSchema,
} from './task/text.ts';

/**
 * The `task` section of `<model>/config.json`: what the raw thing in a request is and how it becomes tensors and back.
 * Names follow the tasks of Hugging Face where there is one. Fields that the model's metadata contradicts are refused
 * when the model is loaded.
 */
export const taskConfigurationSchema = v.variant('type', [
  /** Plain tensors as JSON arrays: what a model without a task has. */
  v.strictObject({ type: v.literal('tensor') }),
  imageClassificationSchema,
  objectDetectionSchema,
  imageSegmentationSchema,
  textDetectionSchema,
  textRecognitionSchema,
  imageFeatureExtractionSchema,
  featureExtractionSchema,
  textClassificationSchema,
  tokenClassificationSchema,
  audioClassificationSchema,
  voiceActivitySchema,
  tabularClassificationSchema,
  tabularRegressionSchema,
  pipelineSchema,
]);

export type TaskConfiguration = v.InferOutput<typeof taskConfigurationSchema>;
export type TaskType = TaskConfiguration['type'];
/** The configuration of one task: `TaskOf<'image-classification'>`. */
export type TaskOf<Type extends TaskType> = Extract<TaskConfiguration, { type: Type }>;
