import type { ImageConfiguration, ResizeConfiguration } from '../../models/task/image.ts';

/** Where a picture ends up in the tensor: what is needed to bring boxes and masks back to the picture that was sent. */
export interface Geometry {
  /** Size of the picture that was sent, upright, in pixels. */
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  /** Size that it is resized to; fractions of a pixel where it is sampled by corners. */
  readonly width: number;
  readonly height: number;
  /** Place of its top left corner in the tensor; negative when it is cropped. */
  readonly left: number;
  readonly top: number;
  /** Size of the tensor. */
  readonly tensorWidth: number;
  readonly tensorHeight: number;
}

/** Rounds halves to the even neighbour, as Python and numpy do. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

const atLeastOne = (value: number) => Math.max(1, value);

function resized(
  width: number,
  height: number,
  resize: ResizeConfiguration | undefined,
  whole: boolean,
): Omit<Geometry, 'sourceWidth' | 'sourceHeight'> {
  const filling = (w: number, h: number) => ({
    width: w,
    height: h,
    left: 0,
    top: 0,
    tensorWidth: w,
    tensorHeight: h,
  });
  if (resize === undefined) return filling(width, height);
  switch (resize.mode) {
    case 'exact':
      return filling(resize.width, resize.height);
    case 'shortest-edge': {
      // As get_resize_output_image_size of Hugging Face transformers: the longer side is cut, not rounded.
      const short = Math.min(width, height);
      const long = atLeastOne(Math.trunc((resize.edge * Math.max(width, height)) / short));
      return width <= height ? filling(resize.edge, long) : filling(long, resize.edge);
    }
    case 'contain': {
      const scale = Math.min(resize.width / width, resize.height / height);
      const side = (pixels: number) => (whole ? atLeastOne(Math.round(pixels)) : pixels);
      const margin = (pixels: number) => {
        if (resize.position === 'top-left') return 0;
        return whole ? Math.floor(pixels / 2) : pixels / 2;
      };
      const w = Math.min(resize.width, side(width * scale));
      const h = Math.min(resize.height, side(height * scale));
      return {
        width: w,
        height: h,
        left: margin(resize.width - w),
        top: margin(resize.height - h),
        tensorWidth: resize.width,
        tensorHeight: resize.height,
      };
    }
    case 'longest-edge': {
      // As DetResizeForTest of PaddleOCR with limit_type max: shrinks, cuts to whole pixels, then to multiples.
      const ratio = Math.min(1, resize.edge / Math.max(width, height));
      const side = (pixels: number) => {
        const whole = Math.trunc(pixels * ratio);
        const multiple = roundHalfEven(whole / resize.multipleOf) * resize.multipleOf;
        return Math.max(resize.multipleOf, multiple);
      };
      return filling(side(width), side(height));
    }
    case 'height': {
      // As resize_norm_img of PaddleOCR's recogniser, each line with its own ratio: what is wider than `minWidth` is
      // cut to whole pixels, what is narrower is rounded up.
      const { height: h, minWidth, maxWidth, multipleOf } = resize;
      const natural = (h * width) / height;
      const room = Math.max(minWidth, Math.min(Math.trunc(natural), maxWidth));
      return {
        width: atLeastOne(Math.min(Math.ceil(natural), room)),
        height: h,
        left: 0,
        top: 0,
        tensorWidth: Math.ceil(room / multipleOf) * multipleOf,
        tensorHeight: h,
      };
    }
  }
}

/** Plans resize, padding and crop for a picture of this size. */
export function planGeometry(
  sourceWidth: number,
  sourceHeight: number,
  configuration: Pick<ImageConfiguration, 'resize' | 'centerCrop' | 'sampling'>,
): Geometry {
  const { resize, centerCrop: crop, sampling } = configuration;
  const plan = resized(sourceWidth, sourceHeight, resize, sampling === 'centers');
  if (crop === undefined) return { sourceWidth, sourceHeight, ...plan };
  return {
    ...plan,
    sourceWidth,
    sourceHeight,
    // As center_crop of Hugging Face transformers: whole pixels, the odd one left on the far side.
    left: plan.left - Math.floor((plan.tensorWidth - crop.width) / 2),
    top: plan.top - Math.floor((plan.tensorHeight - crop.height) / 2),
    tensorWidth: crop.width,
    tensorHeight: crop.height,
  };
}

/** A horizontal position in the tensor as one in the picture that was sent. */
export function sourceX(geometry: Geometry, x: number): number {
  return ((x - geometry.left) * geometry.sourceWidth) / geometry.width;
}

/** A vertical position in the tensor as one in the picture that was sent. */
export function sourceY(geometry: Geometry, y: number): number {
  return ((y - geometry.top) * geometry.sourceHeight) / geometry.height;
}
