import * as v from 'valibot';
import { type ImageConfiguration, imageSchema } from '../../models/task/image.ts';
import { misconfigured } from '../binding.ts';
import { parseJson } from '../json.ts';
import type { TaskModel } from '../predictor.ts';

const sides = v.object({ height: v.number(), width: v.number() });

/** Hugging Face's preprocessor_config.json of an image processor: the fields that change pixels. */
const preprocessorSchema = v.object({
  do_resize: v.optional(v.boolean(), true),
  size: v.optional(v.union([v.number(), sides, v.object({ shortest_edge: v.number() })])),
  /** PIL.Image.Resampling. */
  resample: v.optional(v.picklist([0, 1, 2, 3, 4]), 2),
  do_center_crop: v.optional(v.boolean(), false),
  crop_size: v.optional(v.union([v.number(), sides])),
  crop_pct: v.optional(v.nullable(v.number())),
  do_rescale: v.optional(v.boolean(), true),
  rescale_factor: v.optional(v.number(), 1 / 255),
  do_normalize: v.optional(v.boolean(), true),
  image_mean: v.optional(v.nullable(v.array(v.number()))),
  image_std: v.optional(v.nullable(v.array(v.number()))),
  do_pad: v.optional(v.nullable(v.boolean()), false),
});

const filters = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box'] as const;

/** The file as a configuration of ours; undefined when the model has none. @throws ServingError MODEL_UNAVAILABLE */
export async function readPreprocessorConfiguration(
  model: TaskModel,
): Promise<ImageConfiguration | undefined> {
  const text = await model.readFile('preprocessor_config.json');
  if (text === undefined) return undefined;
  const result = v.safeParse(preprocessorSchema, parseJson(text));
  if (!result.success) {
    const [issue] = result.issues;
    throw misconfigured(
      model,
      'image',
      'a preprocessor_config.json of an image processor',
      `${v.getDotPath(issue) ?? 'no object'}: ${issue.message}`,
    );
  }
  const file = result.output;
  for (const [field, unknown] of [
    ['do_pad', file.do_pad === true],
    ['crop_pct', typeof file.crop_pct === 'number'],
  ] as const) {
    if (unknown) {
      throw misconfigured(
        model,
        'image',
        `the section, for preprocessor_config.json uses ${field}`,
        'none',
      );
    }
  }
  const { size, crop_size: crop } = file;
  const normalised = file.do_normalize && file.image_mean != null && file.image_std != null;
  return v.parse(imageSchema, {
    ...(file.do_resize && size !== undefined
      ? {
          resize:
            typeof size === 'object' && 'height' in size
              ? { mode: 'exact', ...size }
              : {
                  mode: 'shortest-edge',
                  edge: typeof size === 'number' ? size : size.shortest_edge,
                },
        }
      : {}),
    interpolation: filters[file.resample],
    ...(file.do_center_crop && crop !== undefined
      ? { centerCrop: typeof crop === 'number' ? { width: crop, height: crop } : crop }
      : {}),
    rescale: file.do_rescale ? file.rescale_factor : 1,
    ...(normalised ? { mean: file.image_mean, std: file.image_std } : {}),
  });
}
