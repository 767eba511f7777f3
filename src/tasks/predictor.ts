import type { TaskType } from '../models/task-configuration.ts';
import type { Tensor, TensorMetadata } from '../protocol/tensor.ts';
import type { PixelImage } from './ports.ts';

/** One raw thing to predict from. Media are encoded bytes, except pixels that a pipeline hands on. */
export type PredictInput =
  | PictureInput
  | { readonly kind: 'audio'; readonly bytes: Uint8Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'row'; readonly row: Row }
  | { readonly kind: 'tensors'; readonly values: Readonly<Record<string, unknown>> };

export type PictureInput =
  | { readonly kind: 'image'; readonly bytes: Uint8Array }
  | { readonly kind: 'pixels'; readonly image: PixelImage };

export type PredictInputKind = PredictInput['kind'];

/** Values by column name; undefined and null are missing. */
export type Row = Readonly<Record<string, unknown>>;

/** What a caller may change for one request. */
export interface PredictParameters {
  /** How many classes to list. */
  readonly topK: number | undefined;
  /** Score threshold of detections, regions or the positive label. */
  readonly threshold: number | undefined;
}

export const defaultParameters: PredictParameters = {
  topK: undefined,
  threshold: undefined,
};

export interface LabelScore {
  readonly label: string;
  readonly score: number;
}

/** Pixels of the picture that was sent; xmax and ymax are outside the box. */
export interface Box {
  readonly xmin: number;
  readonly ymin: number;
  readonly xmax: number;
  readonly ymax: number;
}

export interface Detection extends LabelScore {
  readonly box: Box;
}

export interface Segment extends LabelScore {
  /** Index of the class in the model's output. */
  readonly index: number;
  /** 255 where the segment is and 0 elsewhere (several classes), or 255 * score (one class); as large as the picture sent. */
  readonly mask: PixelImage;
}

export type Point = readonly [x: number, y: number];

export interface TextRegion {
  readonly score: number;
  /** Corners clockwise from the top left, in pixels of the picture sent. */
  readonly polygon: readonly [Point, Point, Point, Point];
}

export interface RecognisedText {
  readonly text: string;
  /** Mean probability of the characters. */
  readonly score: number;
}

export interface Entity {
  /** The label without its B- or I-. */
  readonly entity_group: string;
  readonly score: number;
  readonly word: string;
  /** Offsets in the text, in UTF-16 units as JavaScript counts; end is outside. */
  readonly start: number;
  readonly end: number;
}

export interface SpeechSegment {
  /** Seconds from the start. */
  readonly start: number;
  readonly end: number;
}

export interface VoiceActivity {
  readonly segments: readonly SpeechSegment[];
  /** The highest probability of any window. */
  readonly score: number;
  /** Seconds of sound. */
  readonly duration: number;
}

/** One answer for one input, by task. */
export type Prediction =
  | { readonly type: 'labels'; readonly labels: readonly LabelScore[] }
  | { readonly type: 'detections'; readonly detections: readonly Detection[] }
  | { readonly type: 'segments'; readonly segments: readonly Segment[] }
  | { readonly type: 'regions'; readonly regions: readonly TextRegion[] }
  | { readonly type: 'recognition'; readonly recognition: RecognisedText }
  | {
      readonly type: 'embedding';
      readonly values: Float32Array;
      readonly shape: readonly number[];
    }
  | { readonly type: 'entities'; readonly entities: readonly Entity[] }
  | { readonly type: 'voice-activity'; readonly activity: VoiceActivity }
  | { readonly type: 'values'; readonly values: Readonly<Record<string, number>> | number }
  | { readonly type: 'tensors'; readonly tensors: readonly Tensor[] }
  | { readonly type: 'document'; readonly document: PipelineDocument };

/** Answer of a pipeline. */
export interface PipelineDocument {
  /** The items' texts joined by line ends, where the pipeline asks for it. */
  readonly text?: string;
  readonly items: readonly Readonly<Record<string, unknown>>[];
}

/** Runs the model's session once: feeds by name in any order, outputs in the order asked for. */
export type Run = (
  feeds: readonly Tensor[],
  outputNames: readonly string[],
) => Promise<readonly Tensor[]>;

/** Another model of the repository, loaded and pinned while `use` runs. */
export type WithModel = <Result>(
  model: string,
  version: string | undefined,
  use: (predictor: Predictor, context: PredictContext) => Promise<Result>,
) => Promise<Result>;

/** What one call may use. */
export interface PredictContext {
  readonly run: Run;
  /** Largest number of inputs in one run. */
  readonly maxBatchSize: number;
  /** For pipelines. */
  readonly withModel: WithModel;
}

/** What loading a model gives a task: everything that its configuration is checked against. */
export interface TaskModel {
  readonly name: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
  /** Lines of labels.txt; empty where there is none. */
  readonly labels: readonly string[];
  /** Content of a text file next to the model; undefined when it is not there. */
  readFile(name: string): Promise<string | undefined>;
}

export type Settled =
  | { readonly ok: true; readonly prediction: Prediction }
  | { readonly ok: false; readonly error: unknown };

/** A model with its task: raw things in, answers out. Has no state of its own between calls. */
export interface Predictor {
  readonly task: TaskType;
  /** The kind of input that it takes. */
  readonly accepts: PredictInputKind;
  /**
   * Answers in the order of the inputs.
   *
   * @throws ServingError 4xx that names the input (`inputs[3]: ...`) when one is bad
   */
  predict(
    inputs: readonly PredictInput[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Prediction[]>;
  /** As `predict`, but a bad input costs itself alone: what batch transforms need. */
  predictEach(
    inputs: readonly PredictInput[],
    parameters: PredictParameters,
    context: PredictContext,
  ): Promise<Settled[]>;
}
