import * as v from 'valibot';
import { described, wholeNumber } from './common.ts';

/** A side of a picture. */
export const edge = described('Pixels.', wholeNumber(1, 16_384));
const perChannel = v.union([
  v.number(),
  v.pipe(v.array(v.number()), v.minLength(1), v.maxLength(4)),
]);

/** How a picture of any size becomes what the model takes. Sizes are in pixels. */
const resizeSchema = v.variant('mode', [
  described(
    'To width by height, whatever the proportions were.',
    v.strictObject({ mode: v.literal('exact'), width: edge, height: edge }),
  ),
  described(
    'Proportions kept, the shorter side becomes `edge` (then usually a centre crop).',
    v.strictObject({ mode: v.literal('shortest-edge'), edge }),
  ),
  described(
    'Proportions kept, fits into width by height, the rest filled with `fill` (before normalisation).',
    v.strictObject({
      mode: v.literal('contain'),
      width: edge,
      height: edge,
      position: described(
        'Where the picture lies in the tensor.',
        v.optional(v.picklist(['center', 'top-left']), 'center'),
      ),
      fill: described(
        'Value of the pixels that the picture does not cover.',
        v.optional(wholeNumber(0, 255), 0),
      ),
    }),
  ),
  described(
    'Shrinks so that the longer side is at most `edge`; each side then becomes the nearest multiple of `multipleOf`.',
    v.strictObject({
      mode: v.literal('longest-edge'),
      edge,
      multipleOf: described(
        'What sides are brought to a multiple of.',
        v.optional(wholeNumber(1, 1024), 1),
      ),
    }),
  ),
  described(
    'To `height`, proportions kept up to `maxWidth`; padded on the right, after normalisation, with 0 to at least `minWidth` and to a multiple of `multipleOf` (lines of nearly the same length then run together).',
    v.strictObject({
      mode: v.literal('height'),
      height: edge,
      minWidth: described('Narrower pictures are padded to it.', v.optional(edge, 1)),
      maxWidth: described('Wider pictures are squeezed to it.', v.optional(edge, 3200)),
      multipleOf: described(
        'What sides are brought to a multiple of.',
        v.optional(wholeNumber(1, 1024), 1),
      ),
    }),
  ),
]);

export type ResizeConfiguration = v.InferOutput<typeof resizeSchema>;

/** From a picture to a tensor: value = (pixel * rescale - mean) / std. */
export const imageSchema = v.strictObject({
  colour: described(
    'Order of the channels.',
    v.optional(v.picklist(['rgb', 'bgr', 'gray']), 'rgb'),
  ),
  layout: described(
    'Of the input: [rows, channels, height, width] or [rows, height, width, channels].',
    v.optional(v.picklist(['nchw', 'nhwc']), 'nchw'),
  ),
  alpha: described(
    'Transparent pixels: `drop` keeps the colour that is stored (as Hugging Face does), else the ground to lay under.',
    v.optional(v.picklist(['drop', 'white', 'black']), 'drop'),
  ),
  resize: described(
    'How its size becomes the model’s. Default: the picture as it is.',
    v.optional(resizeSchema),
  ),
  interpolation: described(
    'Filter of the resizing, by its name in Pillow.',
    v.optional(v.picklist(['nearest', 'box', 'bilinear', 'bicubic', 'lanczos']), 'bilinear'),
  ),
  antialias: described(
    'true: as Pillow and Hugging Face resize; false: as OpenCV does (`nearest` and `bilinear` only).',
    v.optional(v.boolean(), true),
  ),
  sampling: described(
    'Where a pixel is: at its centre, as nearly everybody counts, or at its corner, as MediaPipe’s ImageToTensor does (with `exact` or `contain`, `bilinear` and no antialiasing).',
    v.optional(v.picklist(['centers', 'corners']), 'centers'),
  ),
  centerCrop: described(
    'Cut out of the middle after resizing; what is missing is filled with 0.',
    v.optional(v.strictObject({ width: edge, height: edge })),
  ),
  rescale: described('value = (pixel * rescale - mean) / std', v.optional(v.number(), 1 / 255)),
  mean: described('One number, or one for each channel.', v.optional(perChannel, 0)),
  std: described('One number, or one for each channel.', v.optional(perChannel, 1)),
  maxPixels: described(
    'Larger pictures are refused before they are decoded.',
    v.optional(wholeNumber(1, 500_000_000), 50_000_000),
  ),
  resizer: described(
    '`exact`: as Pillow or OpenCV does it, bit for bit, here. `fast`: by libvips while it decodes, in other threads and from a JPEG of lower resolution where there is one; pixels differ from the reference’s by a few levels.',
    v.optional(v.picklist(['exact', 'fast']), 'exact'),
  ),
});

export type ImageConfiguration = v.InferOutput<typeof imageSchema>;

/** The section that every task over pictures has. */
export const image = described(
  'How a picture becomes the input. Default: preprocessor_config.json next to the model.',
  v.optional(imageSchema),
);
