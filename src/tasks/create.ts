import type { TaskConfiguration } from '../models/task-configuration.ts';
import { createAudioClassifier } from './audio/classification.ts';
import { createVoiceActivityDetector } from './audio/voice-activity.ts';
import { createImageClassifier } from './image/classification.ts';
import { createObjectDetector } from './image/detection.ts';
import { createImageFeatureExtractor } from './image/feature-extraction.ts';
import { createImageSegmenter } from './image/segmentation.ts';
import { createTextDetector } from './image/text-detection.ts';
import { createTextRecogniser } from './image/text-recognition.ts';
import { createPipeline } from './pipeline/predictor.ts';
import type { MediaDecoders } from './ports.ts';
import type { Predictor, TaskModel } from './predictor.ts';
import { createTabularClassifier, createTabularRegressor } from './tabular/predictors.ts';
import { createTensorPredictor } from './tensor/predictor.ts';
import { createTextClassifier } from './text/classification.ts';
import { createTextFeatureExtractor } from './text/feature-extraction.ts';
import { createTokenClassifier } from './text/token-classification.ts';

/**
 * The predictor of a model, made once when the model is loaded and used for every call.
 *
 * @throws ServingError MODEL_UNAVAILABLE that names the field when the configuration does not fit the model's metadata or
 * a file that it needs is not next to the model
 */
export async function createPredictor(
  configuration: TaskConfiguration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  switch (configuration.type) {
    case 'tensor':
      return createTensorPredictor(model);
    case 'image-classification':
      return createImageClassifier(configuration, model, decoders);
    case 'object-detection':
      return createObjectDetector(configuration, model, decoders);
    case 'image-segmentation':
      return createImageSegmenter(configuration, model, decoders);
    case 'text-detection':
      return createTextDetector(configuration, model, decoders);
    case 'text-recognition':
      return createTextRecogniser(configuration, model, decoders);
    case 'image-feature-extraction':
      return createImageFeatureExtractor(configuration, model, decoders);
    case 'feature-extraction':
      return createTextFeatureExtractor(configuration, model, decoders);
    case 'text-classification':
      return createTextClassifier(configuration, model, decoders);
    case 'token-classification':
      return createTokenClassifier(configuration, model, decoders);
    case 'audio-classification':
      return createAudioClassifier(configuration, model, decoders);
    case 'voice-activity-detection':
      return createVoiceActivityDetector(configuration, model, decoders);
    case 'tabular-classification':
      return createTabularClassifier(configuration, model);
    case 'tabular-regression':
      return createTabularRegressor(configuration, model);
    case 'pipeline':
      return createPipeline(configuration, model, decoders);
  }
}
