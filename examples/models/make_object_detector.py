"""SSD MobileNet V2 for 23 classes of Open Images V4 (MediaPipe, Apache-2.0) from .tflite to ONNX, and what TensorFlow Lite finds.

The model lies in the assets of the npm package @mediapipe/objectron, which names where. Decoding its boxes against the
anchors becomes part of the graph, so that its outputs are corners and scores.

    python3 -m venv VENV && VENV/bin/pip install -r examples/models/requirements-tensorflow.txt
    npm install --prefix DOWNLOADS @mediapipe/objectron@0.4.1675468480
    VENV/bin/python examples/models/make_object_detector.py DOWNLOADS/node_modules/@mediapipe/objectron
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import tensorflow as tf
from onnx import helper, numpy_helper
from PIL import Image

HERE = Path(__file__).parent
SIZE = 300


def read_assets(package):
    loader = (package / "objectron_solution_packed_assets_loader.js").read_text()
    packed = (package / "objectron_solution_packed_assets.data").read_bytes()
    places = re.findall(r'"filename": "([^"]+)", "start": (\d+), "end": (\d+)', loader)
    return {Path(name).name: packed[int(start) : int(end)] for name, start, end in places}


def lay_anchors():
    """SsdAnchorsCalculator of MediaPipe with the options of its graph for this model: [1917, 4] of x, y, width, height."""
    scale = lambda layer: 0.2 + (0.95 - 0.2) * layer / 5
    anchors = []
    for layer, stride in enumerate([16, 32, 64, 128, 256, 512]):
        if layer == 0:
            shapes = [(0.1, 1.0), (scale(0), 2.0), (scale(0), 0.5)]
        else:
            shapes = [(scale(layer), ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            above = 1.0 if layer == 5 else scale(layer + 1)
            shapes.append((np.sqrt(scale(layer) * above), 1.0))
        side = int(np.ceil(SIZE / stride))
        for y in range(side):
            for x in range(side):
                for size, ratio in shapes:
                    root = np.sqrt(ratio)
                    anchors.append(((x + 0.5) / side, (y + 0.5) / side, size * root, size / root))
    return np.array(anchors, np.float32)


def convert(tflite):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.tflite", Path(folder) / "model.onnx"
        source.write_bytes(tflite)
        command = ["-m", "tf2onnx.convert", "--tflite", source, "--output", target, "--opset", "14"]
        subprocess.run([sys.executable, *command], check=True, stderr=subprocess.DEVNULL)
        return onnx.load(target)


def decode_in_graph(model, anchors):
    """Boxes are offsets from the anchors, centre scaled by 10 and logarithm of the size by 5, y before x."""
    graph = model.graph
    x, y, width, height = anchors.T
    constants = {
        "anchor_sizes": np.stack([height, width], 1)[None],
        "anchor_centers": np.stack([y, x], 1)[None],
        "tenth": np.float32(0.1),
        "fifth": np.float32(0.2),
        "half": np.float32(0.5),
        "halves": np.array([2, 2], np.int64),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    encoded, logits = (output.name for output in graph.output)
    node = helper.make_node
    graph.node.extend(
        [
            node("Split", [encoded, "halves"], ["offsets", "log_sizes"], axis=2),
            node("Mul", ["offsets", "tenth"], ["small_offsets"]),
            node("Mul", ["small_offsets", "anchor_sizes"], ["moved"]),
            node("Add", ["moved", "anchor_centers"], ["centers"]),
            node("Mul", ["log_sizes", "fifth"], ["small_sizes"]),
            node("Exp", ["small_sizes"], ["growth"]),
            node("Mul", ["growth", "anchor_sizes"], ["sizes"]),
            node("Mul", ["sizes", "half"], ["half_sizes"]),
            node("Sub", ["centers", "half_sizes"], ["low"]),
            node("Add", ["centers", "half_sizes"], ["high"]),
            node("Concat", ["low", "high"], ["boxes"], axis=2),
            node("Sigmoid", [logits], ["scores"]),
        ]
    )
    del graph.output[:]
    for name, values in (("boxes", 4), ("scores", 24)):
        info = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, len(anchors), values])
        graph.output.append(info)
    onnx.checker.check_model(model, full_check=True)


def detect(interpreter, anchors, labels, path, threshold=0.3):
    """The reference: TensorFlow Lite, then TensorFlow's non-maximum suppression class by class."""
    picture = Image.open(path).convert("RGB")
    pixels = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pixels[None] / 127.5 - 1)
    interpreter.invoke()
    encoded, logits = (interpreter.get_tensor(one["index"])[0] for one in interpreter.get_output_details())
    x, y, width, height = anchors.T
    ty, tx, th, tw = encoded.T
    centers = np.stack([ty / 10 * height + y, tx / 10 * width + x], 1)
    sizes = np.stack([np.exp(th / 5) * height, np.exp(tw / 5) * width], 1)
    boxes = np.concatenate([centers - sizes / 2, centers + sizes / 2], 1)
    scores = 1 / (1 + np.exp(-logits[:, 1:]))
    best = scores.argmax(1)
    found = []
    for index, label in enumerate(labels):
        mine = np.flatnonzero((best == index) & (scores[:, index] >= threshold))
        kept = tf.image.non_max_suppression(boxes[mine], scores[mine, index], 100, iou_threshold=0.5)
        for box in mine[kept.numpy()]:
            ymin, xmin, ymax, xmax = np.clip(boxes[box], 0, 1)
            corners = xmin * picture.width, ymin * picture.height, xmax * picture.width, ymax * picture.height
            found.append(
                {
                    "label": label,
                    "score": round(float(scores[box, index]), 5),
                    "box": dict(zip(("xmin", "ymin", "xmax", "ymax"), (round(float(v), 2) for v in corners))),
                }
            )
    return sorted(found, key=lambda one: -one["score"])


assets = read_assets(Path(sys.argv[1]))
[tflite] = [content for name, content in assets.items() if name.endswith(".tflite")]
labels = assets["object_detection_oidv4_labelmap.txt"].decode().strip().split("\n")[1:]
anchors = lay_anchors()
model = convert(tflite)
decode_in_graph(model, anchors)
folder = HERE / "object-detector/1"
folder.mkdir(parents=True, exist_ok=True)
(folder / "model.onnx").write_bytes(model.SerializeToString())
(folder / "labels.txt").write_text("\n".join(labels) + "\n")

interpreter = tf.lite.Interpreter(model_content=tflite)
interpreter.allocate_tensors()
examples = HERE.parent / "object-detection"
golden = {
    name: detect(interpreter, anchors, labels, examples / name)
    for name in ("grace-hopper.jpg", "cat.jpg", "coffee.jpg")
}
(examples / "golden-objects.json").write_text(json.dumps(golden, indent=1) + "\n")
print(json.dumps(golden))
