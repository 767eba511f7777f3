"""What the scripts for text models share: exporting a torch encoder, and training a small one."""

import json
import random
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

HERE = Path(__file__).parent
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def seed(number=7):
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


def train_word_pieces(texts, size, lowercase, max_length):
    """A WordPiece vocabulary of its own, as tokenizer.json has it."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        texts, trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=max_length,
    )


def small_bert(tokenizer, labels, max_length, width=96):
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=4 * width,
        max_position_embeddings=max_length,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: i for i, label in enumerate(labels)},
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
    )


def train(model, batches, epochs, rate=1e-3):
    """Plain AdamW with a linear warm-up and decay; `batches()` gives the feeds of an epoch, shuffled."""
    total = epochs * len(list(batches()))
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / (0.1 * total), (total - step) / (0.9 * total))
    )
    model.train()
    for epoch in range(epochs):
        losses = []
        for feeds in batches():
            loss = model(**feeds).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        print("epoch", epoch + 1, "loss", round(sum(losses) / len(losses), 4), flush=True)
    model.eval()


class Outputs(torch.nn.Module):
    """A transformers model with positional tensors in and one tensor out, as the exporter wants it."""

    def __init__(self, model, output):
        super().__init__()
        self.model = model
        self.output = output

    def forward(self, input_ids, attention_mask):
        return getattr(self.model(input_ids=input_ids, attention_mask=attention_mask), self.output)


def export(model, output, path, output_axes):
    # The exporter puts what it is given back into the mode that it found: a wrapper left in training mode would
    # switch dropout on again.
    path.parent.mkdir(parents=True, exist_ok=True)
    example = (torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]]))
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        Outputs(model, output).eval(),
        example,
        str(path),
        opset_version=14,
        input_names=["input_ids", "attention_mask"],
        output_names=[output],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, output: output_axes},
    )


def write_json(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def write_tokenizer(tokenizer, folder):
    """tokenizer.json without the padding and truncation of the last call, and the few fields of its config that matter."""
    backend = tokenizer.backend_tokenizer
    backend.no_padding()
    backend.no_truncation()
    (folder / "tokenizer.json").write_text(backend.to_str(pretty=False) + "\n")
    write_json(
        folder / "tokenizer_config.json",
        {
            "model_max_length": tokenizer.model_max_length,
            "pad_token": "[PAD]",
            "tokenizer_class": "PreTrainedTokenizerFast",
        },
    )
