"""Writes what MediaPipe's own graphs find on the portrait of Grace Hopper: the box of her face and the mask of the person.

    python3 -m venv VENV && VENV/bin/pip install -r examples/models/requirements-mediapipe.txt
    VENV/bin/python examples/models/golden_mediapipe.py
"""

import json
from pathlib import Path

import mediapipe as mp
import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).parent.parent
portrait = Image.open(EXAMPLES / "object-detection/grace-hopper.jpg").convert("RGB")
width, height = portrait.size


def faces(picture):
    detector = mp.solutions.face_detection.FaceDetection(
        model_selection=0, min_detection_confidence=0.5
    )
    found = detector.process(np.asarray(picture)).detections or []
    size = picture.size
    for detection in found:
        box = detection.location_data.relative_bounding_box
        xmin, ymin = box.xmin * size[0], box.ymin * size[1]
        yield {
            "score": detection.score[0],
            "box": {
                "xmin": xmin,
                "ymin": ymin,
                "xmax": xmin + box.width * size[0],
                "ymax": ymin + box.height * size[1],
            },
        }


# Two faces of different size beside each other, so that letterboxing and suppression have work to do.
pair = Image.new("RGB", (900, 600), (90, 110, 130))
pair.paste(portrait.resize((400, 469)), (20, 100))
pair.paste(portrait.resize((300, 352)).transpose(Image.Transpose.FLIP_LEFT_RIGHT), (540, 180))
pair.save(EXAMPLES / "object-detection/pair.jpg", quality=90)
pair = Image.open(EXAMPLES / "object-detection/pair.jpg").convert("RGB")
golden = {"grace-hopper.jpg": list(faces(portrait)), "pair.jpg": list(faces(pair))}
(EXAMPLES / "object-detection/golden.json").write_text(json.dumps(golden, indent=1) + "\n")
print(golden)

segmenter = mp.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)
mask = segmenter.process(np.asarray(portrait)).segmentation_mask
print("mask", mask.shape, mask.dtype, mask.min(), mask.max(), (mask >= 0.5).mean())
gray = Image.fromarray(np.round(mask * 255).astype(np.uint8))
gray.save(EXAMPLES / "image-segmentation/golden.png", optimize=True)
