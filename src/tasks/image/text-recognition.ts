import type { TaskOf } from '../../models/task-configuration.ts';
import { misconfigured, requireRank } from '../binding.ts';
import type { MediaDecoders } from '../ports.ts';
import type { Predictor, RecognisedText, TaskModel } from '../predictor.ts';
import { outputNamed, rowsOf } from '../tensors.ts';
import { bindPicture, createPicturePredictor } from './picture-predictor.ts';

type Configuration = TaskOf<'text-recognition'>;

/** A picture of one line of text in, the text out. */
export async function createTextRecogniser(
  configuration: Configuration,
  model: TaskModel,
  decoders: MediaDecoders,
): Promise<Predictor> {
  const { input, output } = bindPicture(model, configuration);
  requireRank(model, 'output', output, [['rows', 'columns', 'classes']]);
  const alphabet = await readAlphabet(configuration, model, output.shape[2] ?? -1);

  return createPicturePredictor(configuration, model, decoders, {
    input,
    outputs: [output.name],
    answer(outputs, pictures) {
      const tensor = outputNamed(outputs, output.name);
      const columns = tensor.shape[1] ?? 0;
      return rowsOf(tensor, pictures.length).map((row) => ({
        type: 'recognition',
        recognition: decodeCtc(row, columns, alphabet),
      }));
    },
  });
}

/** What each class of the output stands for; undefined is the blank. */
export type Alphabet = readonly (string | undefined)[];

async function readAlphabet(
  configuration: Configuration,
  model: TaskModel,
  classes: number,
): Promise<Alphabet> {
  const { charactersFile, blank, space } = configuration;
  const text = await model.readFile(charactersFile);
  if (text === undefined) {
    throw misconfigured(model, 'charactersFile', 'a file next to the model', charactersFile);
  }
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  const characters = space ? [...lines, ' '] : lines;
  const alphabet = blank === 'first' ? [undefined, ...characters] : [...characters, undefined];
  if (classes >= 0 && alphabet.length !== classes) {
    throw misconfigured(
      model,
      'charactersFile',
      `characters, space and blank for ${classes} classes`,
      `${alphabet.length}`,
    );
  }
  return alphabet;
}

/**
 * Greedy decoding of connectionist temporal classification: the best class of each column, repeats and blanks left out.
 *
 * @param scores probabilities [columns, classes]
 */
export function decodeCtc(
  scores: Float32Array,
  columns: number,
  alphabet: Alphabet,
): RecognisedText {
  const classes = columns === 0 ? 0 : scores.length / columns;
  let text = '';
  let sum = 0;
  let count = 0;
  let previous = -1;
  for (let column = 0; column < columns; column += 1) {
    const start = column * classes;
    let best = 0;
    let highest = scores[start] ?? 0;
    for (let index = 1; index < classes; index += 1) {
      const score = scores[start + index] ?? 0;
      if (score > highest) {
        highest = score;
        best = index;
      }
    }
    const character = alphabet[best];
    if (best !== previous && character !== undefined) {
      text += character;
      sum += highest;
      count += 1;
    }
    previous = best;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}
