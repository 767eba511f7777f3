"""Trains a small classifier of spoken digits with PyTorch and exports it, with goldens of PyTorch's own scores.

The clips are spoken by espeak-ng (Debian package) in many voices, speeds and pitches, cut to one second at 16 kHz, shifted
and mixed with noise: a model of synthetic voices, made to show the way. The spectrogram is part of the model: a fixed
convolution gives the short-time Fourier transform, another the 40 mel bands.

    apt-get install espeak-ng
    VENV/bin/pip install -r examples/models/requirements-torch.txt
    VENV/bin/python examples/models/make_spoken_digits.py
"""

import io
import json
import random
import subprocess
import wave

import numpy as np
import onnxruntime
import torch
from torch import nn

from text_models import HERE, seed, write_json

RATE = 16_000
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
VOICES = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029"]
VARIANTS = ["", "+m1", "+m2", "+m3", "+m4", "+m7", "+f1", "+f2", "+f3", "+f4", "+croak", "+whisper"]


def speak(word, voice, speed, pitch):
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word]
    output = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(output)) as file:
        rate = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16) / 32768
    positions = np.arange(0, len(samples) - 1, rate / RATE)
    samples = np.interp(positions, np.arange(len(samples)), samples)
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return samples[loud[0] : loud[-1] + 1].astype(np.float32)


def clip(samples, noise=0.01):
    """One second with the word somewhere in it."""
    samples = samples[:RATE]
    second = np.random.normal(0, noise * random.random(), RATE).astype(np.float32)
    start = random.randint(0, RATE - len(samples))
    second[start : start + len(samples)] += samples * random.uniform(0.3, 1.2)
    return np.clip(second, -1, 1)


def mel_filters(bands=40, bins=201):
    mel = lambda hertz: 2595 * np.log10(1 + hertz / 700)
    points = 700 * (10 ** (np.linspace(mel(60), mel(7800), bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, RATE / 2, bins)
    rise = (frequencies - points[:-2, None]) / (points[1:-1] - points[:-2])[:, None]
    fall = (points[2:, None] - frequencies) / (points[2:] - points[1:-1])[:, None]
    return np.maximum(0, np.minimum(rise, fall)).astype(np.float32)


class Digits(nn.Module):
    def __init__(self, window=400, hop=160):
        super().__init__()
        turns = 2 * np.pi * np.outer(np.arange(window // 2 + 1), np.arange(window)) / window
        kernels = np.concatenate([np.cos(turns), -np.sin(turns)]) * np.hanning(window)
        self.register_buffer("kernels", torch.tensor(kernels, dtype=torch.float32)[:, None])
        self.register_buffer("mel", torch.tensor(mel_filters())[:, :, None])
        self.hop = hop
        block = lambda a, b: nn.Sequential(
            nn.Conv1d(a, b, 5, padding=2, stride=2), nn.BatchNorm1d(b), nn.ReLU()
        )
        self.layers = nn.Sequential(block(40, 64), block(64, 64), block(64, 96), nn.Dropout(0.2))
        self.head = nn.Linear(96, len(WORDS))

    def forward(self, samples):
        parts = nn.functional.conv1d(samples[:, None], self.kernels, stride=self.hop)
        half = self.kernels.shape[0] // 2
        power = parts[:, :half] ** 2 + parts[:, half:] ** 2
        bands = torch.log(nn.functional.conv1d(power, self.mel) + 1e-4)
        return self.head(self.layers(bands * 0.2).mean(2))


seed()
spoken = []
for voice in VOICES:
    for variant in VARIANTS:
        for label, word in enumerate(WORDS):
            for speed, pitch in [(120, 40), (160, 60), (200, 30)]:
                spoken.append((speak(word, voice + variant, speed, pitch), label, voice + variant))
held_out_voices = {"en-gb-scotland+f2", "en-us+m3", "en-029+f4", "en-gb+m7", "en-gb-x-rp+m1"}
training = [one for one in spoken if one[2] not in held_out_voices]
held_out = [one for one in spoken if one[2] in held_out_voices]
model = Digits()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
EPOCHS = 8
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=4e-3, total_steps=EPOCHS * ((len(training) + 63) // 64)
)
for epoch in range(EPOCHS):
    losses = []
    order = random.sample(training, len(training))
    for start in range(0, len(order), 64):
        group = order[start : start + 64]
        feeds = torch.tensor(np.stack([clip(samples) for samples, *_ in group]))
        loss = nn.functional.cross_entropy(model(feeds), torch.tensor([label for _, label, _ in group]))
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    print("epoch", epoch + 1, "loss", round(np.mean(losses), 4), flush=True)
model.eval()
clips = torch.tensor(np.stack([clip(samples) for samples, *_ in held_out]))
with torch.no_grad():
    found = model(clips).argmax(1).numpy()
print("accuracy on", len(held_out), "clips of other voices", np.mean(found == [o[1] for o in held_out]))

folder = HERE / "spoken-digits"
(folder / "1").mkdir(parents=True, exist_ok=True)
rows = {0: "rows"}
torch.onnx.export(
    model,
    torch.zeros(2, RATE),
    str(folder / "1/model.onnx"),
    opset_version=14,
    input_names=["input_values"],
    output_names=["logits"],
    dynamic_axes={"input_values": rows, "logits": rows},
)
write_json(
    folder / "config.json",
    {
        "$schema": "../../../docs/config.schema.json",
        "task": {
            "type": "audio-classification",
            "audio": {"sampleRate": RATE, "maxSeconds": 60},
            "labels": WORDS,
            "activation": "softmax",
            "topK": 3,
        },
    },
)

examples = HERE.parent / "audio-classification"
(examples / "clips").mkdir(parents=True, exist_ok=True)
golden = {}
for digit in [3, 7, 9]:
    samples = next(one[0] for one in held_out if one[1] == digit)
    pcm = np.round(clip(samples) * 32767).astype(np.int16)
    with wave.open(str(examples / f"clips/{WORDS[digit]}.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())
    with torch.no_grad():
        scores = model(torch.tensor(pcm.astype(np.float32) / 32768)[None]).softmax(1)[0]
    values, best = scores.topk(3)
    golden[WORDS[digit]] = [
        {"label": WORDS[i], "score": s} for i, s in zip(best.tolist(), values.tolist())
    ]
write_json(examples / "golden.json", golden)
print(json.dumps(golden))
