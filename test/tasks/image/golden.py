"""Writes golden.json: how Pillow, OpenCV and Hugging Face's image processors decode, resize and normalise two pictures.

Resized pixels are given as sha256 of the raw bytes, for ours must be the same bit for bit; tensors as values at places.

    VENV/bin/pip install -r examples/models/requirements-images.txt
    VENV/bin/python test/tasks/image/golden.py
"""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps
from transformers import CLIPImageProcessor, ViTImageProcessor

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
PICTURES = ["examples/document-reading/pages/label.png", "examples/object-detection/grace-hopper.jpg"]
SIZES = [(224, 224), (97, 331), (1000, 700), (31, 17), (256, 300), (1, 1)]
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def digest(pixels):
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


golden = {"decoded": {}, "pillow": [], "opencv": [], "processors": []}
for name in PICTURES:
    image = ImageOps.exif_transpose(Image.open(ROOT / name)).convert("RGB")
    golden["decoded"][name] = digest(np.asarray(image))
    for size in SIZES:
        for filter_name, resample in FILTERS.items():
            resized = np.asarray(image.resize(size, resample))
            golden["pillow"].append(
                {"picture": name, "size": size, "filter": filter_name, "sha256": digest(resized)}
            )
        resized = cv2.resize(np.asarray(image), size, interpolation=cv2.INTER_LINEAR)
        golden["opencv"].append({"picture": name, "size": size, "sha256": digest(resized)})

    for processor in [
        ViTImageProcessor(),
        CLIPImageProcessor(),
        CLIPImageProcessor(size={"shortest_edge": 200}, crop_size=256, do_normalize=False),
    ]:
        tensor = processor(image, return_tensors="np")["pixel_values"]
        places = np.random.default_rng(7).integers(0, tensor.size, 200)
        golden["processors"].append(
            {
                "picture": name,
                "file": json.loads(processor.to_json_string()),
                "shape": tensor.shape,
                "places": places.tolist(),
                "values": [float(value) for value in tensor.reshape(-1)[places]],
            }
        )

(HERE / "golden.json").write_text(json.dumps(golden) + "\n")
