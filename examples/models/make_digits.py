"""Trains a classifier of hand-written digits with scikit-learn and exports it with skl2onnx, as a model of pictures.

The data are scikit-learn's digits (UCI Optical Recognition of Handwritten Digits, CC BY 4.0): 8 by 8 gray values of 0 to
16, ink high. The exported model takes [rows, 1, 8, 8] and flattens it itself; inverting and scaling is said in config.json.

    python3 -m venv VENV && VENV/bin/pip install -r examples/models/requirements-sklearn.txt
    VENV/bin/python examples/models/make_digits.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

HERE = Path(__file__).parent
SEED = 7

data, target = load_digits(return_X_y=True)
train, test, train_target, test_target = train_test_split(
    data.astype(np.float32), target, test_size=0.3, random_state=SEED, stratify=target
)
model = MLPClassifier((96,), alpha=0.01, max_iter=400, random_state=SEED).fit(train, train_target)
print("accuracy", model.score(test, test_target))

exported = to_onnx(
    model,
    initial_types=[("flat", FloatTensorType([None, 64]))],
    target_opset={"": 17, "ai.onnx.ml": 3},
    options={"zipmap": False},
)
graph = exported.graph
flatten = onnx.helper.make_node("Flatten", ["pixels"], ["flat"], axis=1)
graph.node.insert(0, flatten)
del graph.input[:]
graph.input.append(
    onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["rows", 1, 8, 8])
)
onnx.checker.check_model(exported)

folder = HERE / "digits"
(folder / "1").mkdir(parents=True, exist_ok=True)
(folder / "1/model.onnx").write_bytes(exported.SerializeToString())
config = {
    "$schema": "../../../docs/config.schema.json",
    "task": {
        "type": "image-classification",
        "output": "probabilities",
        "image": {
            "colour": "gray",
            "resize": {"mode": "exact", "width": 8, "height": 8},
            "interpolation": "box",
            "rescale": -16 / 255,
            "mean": -16,
        },
        "labels": [str(digit) for digit in range(10)],
        "activation": "none",
        "topK": 3,
    },
}
(folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

# A sheet of 10 by 5 test digits, black on white, each 64 by 64 pixels, so that resizing has work to do.
columns, rows, side = 10, 5, 64
chosen = test[: columns * rows]
pixels = np.round(255 - chosen * 255 / 16).astype(np.uint8).reshape(rows, columns, 8, 8)
sheet = pixels.repeat(side // 8, axis=2).repeat(side // 8, axis=3)
sheet = sheet.transpose(0, 2, 1, 3).reshape(rows * side, columns * side)
examples = HERE.parent / "image-classification"
examples.mkdir(exist_ok=True)
Image.fromarray(sheet).save(examples / "digits.png", optimize=True)
seen = (16 - pixels.reshape(-1, 64).astype(np.float32) * (16 / 255)).astype(np.float32)
probabilities = model.predict_proba(seen)
golden = {
    "label": [str(i) for i in probabilities.argmax(axis=1)],
    "score": probabilities.max(axis=1).tolist(),
}
(examples / "golden.json").write_text(json.dumps(golden) + "\n")
session = onnxruntime.InferenceSession(exported.SerializeToString())
got = session.run(["probabilities"], {"pixels": seen.reshape(-1, 1, 8, 8)})[0]
print("largest difference of ONNX Runtime", np.abs(got - probabilities).max())
