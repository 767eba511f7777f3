"""Trains a small tagger of personal data with PyTorch and exports it, with goldens of transformers' own pipeline.

The sentences are made: templates filled by Faker (MIT) in several locales. It finds names, places, companies, e-mail
addresses and phone numbers in text of that kind; it is an example, not a safeguard.

    VENV/bin/python examples/models/make_pii_tagger.py
"""

import random
import re

import torch
from faker import Faker
from transformers import BertForTokenClassification, pipeline

from text_models import HERE, export, seed, small_bert, train, train_word_pieces, write_json, write_tokenizer

MAX_LENGTH = 128
KINDS = ["PER", "LOC", "ORG", "EMAIL", "PHONE"]
LABELS = ["O"] + [f"{mark}-{kind}" for kind in KINDS for mark in "BI"]
TEMPLATES = [
    "My name is {PER} and I live in {LOC}.",
    "Please call {PER} at {PHONE} before noon.",
    "{PER} works for {ORG} in {LOC}.",
    "Send the invoice to {EMAIL}, attention {PER}.",
    "The meeting with {ORG} was moved from {LOC} to {LOC}.",
    "Contact: {PER}, {ORG}, {PHONE}, {EMAIL}",
    "Yesterday {PER} and {PER} visited the office of {ORG}.",
    "Dear {PER}, your order will be delivered to {LOC} on Monday.",
    "I spoke to {PER}'s manager about the contract.",
    "{ORG} announced a new plant near {LOC}, said {PER}.",
    "If nobody answers {PHONE}, write to {EMAIL}.",
    "From: {PER} <{EMAIL}>",
    "The weather in {LOC} is better than last week.",
    "There is nothing personal in this sentence, is there?",
    "We will ship the 3 boxes on 12 March 2024 for 358.40 EUR.",
    "Who paid for the tickets: {PER} or {ORG}?",
    "{PER} moved from {LOC} to {LOC} and joined {ORG}.",
    "please forward this to {EMAIL} or ring {PHONE} thanks",
]
LOCALES = ["en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL"]

seed()
Faker.seed(7)
fakers = [Faker(locale) for locale in LOCALES]


def fill(kind):
    fake = random.choice(fakers)
    return {
        "PER": lambda: random.choice([fake.name, fake.first_name, fake.last_name])(),
        "LOC": lambda: random.choice([fake.city, fake.city, fake.country])(),
        "ORG": fake.company,
        "EMAIL": fake.email,
        "PHONE": fake.phone_number,
    }[kind]()


def sentence():
    text, spans = "", []
    for part in re.split(r"(\{[A-Z]+\})", random.choice(TEMPLATES)):
        if part.startswith("{"):
            value = fill(part[1:-1])
            spans.append((len(text), len(text) + len(value), part[1:-1]))
            text += value
        else:
            text += part
    return text, spans


training = [sentence() for _ in range(12_000)]
held_out = [sentence() for _ in range(1_000)]
tokenizer = train_word_pieces([text for text, _ in training], 4200, False, MAX_LENGTH)
model = BertForTokenClassification(small_bert(tokenizer, LABELS, MAX_LENGTH))


def encode(rows):
    tokens = tokenizer(
        [text for text, _ in rows],
        padding=True,
        truncation=True,
        return_offsets_mapping=True,
        return_tensors="pt",
    )
    tokens.pop("token_type_ids", None)
    offsets = tokens.pop("offset_mapping")
    labels = torch.full(tokens["input_ids"].shape, -100)
    for row, (_, spans) in enumerate(rows):
        for at, (start, end) in enumerate(offsets[row].tolist()):
            if start == end:
                continue
            inside = next((s for s in spans if s[0] <= start and end <= s[1]), None)
            label = "O" if inside is None else f"{'B' if start == inside[0] else 'I'}-{inside[2]}"
            labels[row, at] = LABELS.index(label)
    return {**tokens, "labels": labels}


def batches(size=64):
    order = random.sample(training, len(training))
    for start in range(0, len(order), size):
        yield encode(order[start : start + size])


train(model, batches, 5)
tag = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="simple")
found = right = wanted = 0
for (text, spans), entities in zip(held_out, tag([text for text, _ in held_out])):
    got = {(e["start"], e["end"], e["entity_group"]) for e in entities}
    found += len(got)
    wanted += len(spans)
    right += len(got & {(s, e, k) for s, e, k in spans})
print("held out: precision", right / found, "recall", right / wanted)

folder = HERE / "pii-tagger"
export(model, "logits", folder / "1/model.onnx", {0: "texts", 1: "tokens"})
write_tokenizer(tokenizer, folder / "1")
(folder / "1/labels.txt").write_text("\n".join(LABELS) + "\n")
write_json(
    folder / "config.json",
    {
        "$schema": "../../../docs/config.schema.json",
        "task": {"type": "token-classification", "aggregation": "simple"},
    },
)
texts = [text for text, _ in held_out[:40]] + [
    "Ms. Zoë Müller-Lüdenscheid (Köln) wrote to zoe.mueller@example.org 🙂 about O'Brien & Sons.",
    "",
]
golden = []
for text in texts:
    entry = {"text": text}
    for strategy in ["simple", "first", "average", "max"]:
        found = pipeline(
            "token-classification", model=model, tokenizer=tokenizer, aggregation_strategy=strategy
        )(text) if text else []
        entry[strategy] = [
            {
                "entity_group": e["entity_group"],
                "score": float(e["score"]),
                "start": e["start"],
                "end": e["end"],
            }
            for e in found
        ]
    golden.append(entry)
write_json(HERE.parent / "token-classification/golden.json", golden)
