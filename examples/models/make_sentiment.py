"""Trains a small sentiment classifier with PyTorch and exports it, with goldens of transformers' own pipeline.

The data are the rated snippets of VADER's publication (Hutto and Gilbert 2014; tweets, reviews of films and of products,
editorials; each with the mean of ten ratings), which the source distribution of the PyPI package vaderSentiment (MIT)
ships. Negative below -0.3, positive above 0.3, what is between is left out.

    VENV/bin/pip download --no-deps --no-binary :all: vaderSentiment==3.3.2 -d DOWNLOADS
    VENV/bin/python examples/models/make_sentiment.py DOWNLOADS/vaderSentiment-3.3.2.tar.gz
"""

import html
import io
import random
import sys
import tarfile

import torch
from transformers import BertForSequenceClassification, pipeline

from text_models import HERE, export, seed, small_bert, train, train_word_pieces, write_json, write_tokenizer

MAX_LENGTH = 128
LABELS = ["negative", "positive"]


def read_snippets(path):
    outer = tarfile.open(path)
    inner = next(m for m in outer.getmembers() if m.name.endswith("hutto_ICWSM_2014.tar.gz"))
    archive = tarfile.open(fileobj=io.BytesIO(outer.extractfile(inner).read()))
    for member in archive.getmembers():
        if not member.name.endswith("_GroundTruth.txt") or "/._" in member.name:
            continue
        for line in archive.extractfile(member).read().decode("utf-8", "replace").splitlines():
            _, rating, text = line.split("\t", 2)
            if abs(float(rating)) > 0.3:
                yield html.unescape(text.strip()), int(float(rating) > 0)


seed()
rows = sorted(set(read_snippets(sys.argv[1])))
random.shuffle(rows)
held_out, training = rows[:1500], rows[1500:]
tokenizer = train_word_pieces([text for text, _ in training], 4600, True, MAX_LENGTH)
model = BertForSequenceClassification(small_bert(tokenizer, LABELS, MAX_LENGTH))
print(len(training), "snippets,", sum(p.numel() for p in model.parameters()), "parameters")


def batches(size=64):
    order = sorted(random.sample(training, len(training)), key=lambda row: len(row[0]) + random.random() * 20)
    groups = [order[i : i + size] for i in range(0, len(order), size)]
    random.shuffle(groups)
    for group in groups:
        tokens = tokenizer(
            [text for text, _ in group], padding=True, truncation=True, return_tensors="pt"
        )
        tokens.pop("token_type_ids", None)
        yield {**tokens, "labels": torch.tensor([label for _, label in group])}


train(model, batches, 6)
classify = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None, batch_size=32)
answers = classify([text for text, _ in held_out], truncation=True)
right = sum(LABELS.index(a[0]["label"]) == label for a, (_, label) in zip(answers, held_out))
print("accuracy on", len(held_out), "held out", right / len(held_out))

folder = HERE / "sentiment"
export(model, "logits", folder / "1/model.onnx", {0: "texts"})
write_tokenizer(tokenizer, folder / "1")
(folder / "1/labels.txt").write_text("\n".join(LABELS) + "\n")
write_json(
    folder / "config.json",
    {
        "$schema": "../../../docs/config.schema.json",
        "task": {"type": "text-classification", "activation": "softmax"},
    },
)
texts = [text for text, _ in held_out[:40]] + ["", "🙂" * 20, "good " * 300, "It's OK… I guess?!"]
golden = [{"text": text, "labels": one} for text, one in zip(texts, classify(texts, truncation=True))]
write_json(HERE.parent / "text-classification/golden.json", golden)
