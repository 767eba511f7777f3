"""Converts two TensorFlow models of MediaPipe (Apache-2.0) from .tflite to ONNX.

selfie-segmentation   persons against the background, 256 by 256 (npm package @mediapipe/selfie_segmentation)
face-detector         BlazeFace, short range, 128 by 128 (npm package @mediapipe/face_detection)

    python3 -m venv VENV && VENV/bin/pip install -r examples/models/requirements-tensorflow.txt
    npm install --prefix DOWNLOADS @mediapipe/selfie_segmentation@0.1.1675465747 @mediapipe/face_detection@0.4.1657300184
    VENV/bin/python examples/models/make_mediapipe.py DOWNLOADS/node_modules/@mediapipe
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = Path(__file__).parent


def convert(tflite):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        # 14 is the first operator set that has HardSwish.
        command = ["-m", "tf2onnx.convert", "--tflite", str(tflite), "--output", str(path), "--opset", "14"]
        subprocess.run([sys.executable, *command], check=True, stderr=subprocess.DEVNULL)
        return onnx.load(path)


def replace_transposed_convolution(model):
    """MediaPipe's custom operator Convolution2DTransposeBias (stride 2, SAME) as ONNX's ConvTranspose."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for at, node in enumerate(graph.node):
        if node.op_type != "TFL_Convolution2DTransposeBias":
            continue
        pixels, weights, bias = node.input
        kernel = constants[weights]  # [out, height, width, in]
        name = node.output[0]
        graph.initializer.append(
            numpy_helper.from_array(
                np.ascontiguousarray(kernel.transpose(3, 0, 1, 2)), f"{name}_kernel"
            )
        )
        graph.node.remove(node)
        for node in reversed(
            [
                helper.make_node("Transpose", [pixels], [f"{name}_planes"], perm=[0, 3, 1, 2]),
                helper.make_node(
                    "ConvTranspose",
                    [f"{name}_planes", f"{name}_kernel", bias],
                    [f"{name}_large"],
                    kernel_shape=list(kernel.shape[1:3]),
                    strides=[2, 2],
                ),
                helper.make_node("Transpose", [f"{name}_large"], [name], perm=[0, 2, 3, 1]),
            ]
        ):
            graph.node.insert(at, node)
        return


def write(name, model):
    for opset in [opset for opset in model.opset_import if opset.domain]:
        model.opset_import.remove(opset)
    onnx.checker.check_model(model, full_check=True)
    folder = HERE / name / "1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


source = Path(sys.argv[1])
selfie = convert(source / "selfie_segmentation/selfie_segmentation.tflite")
replace_transposed_convolution(selfie)
write("selfie-segmentation", selfie)
write("face-detector", convert(source / "face_detection/face_detection_short_range.tflite"))
