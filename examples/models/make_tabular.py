"""Trains and exports three scikit-learn models, with goldens of scikit-learn's own predictions.

fraud     card payments, gradient boosting behind a ColumnTransformer, one input a column (synthetic payments, made here)
wine      three cultivars from a chemical analysis, random forest (scikit-learn's wine data, UCI, CC BY 4.0)
diabetes  progression of a disease after a year, gradient boosting (scikit-learn's diabetes data, Efron et al. 2004)

    python3 -m venv VENV && VENV/bin/pip install -r examples/models/requirements-sklearn.txt
    VENV/bin/python examples/models/make_tabular.py
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.metrics import average_precision_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

HERE = Path(__file__).parent
SEED = 7
OPSETS = {"": 17, "ai.onnx.ml": 3}


def write(name, model, config, golden, labels=None):
    folder = HERE / name
    (folder / "1").mkdir(parents=True, exist_ok=True)
    (folder / "1/model.onnx").write_bytes(model.SerializeToString())
    if labels is not None:
        (folder / "1/labels.txt").write_text("\n".join(labels) + "\n")
    config = {"$schema": "../../../docs/config.schema.json", "maxBatchSize": 1024, "task": config}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    (folder / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


def payments(rows):
    """Card payments with the traits that fraud teams describe: amounts, hours, distance, bursts, odd merchants."""
    random = np.random.default_rng(SEED)
    merchants = np.array(["grocery", "fuel", "travel", "electronics", "gambling", "transfer"])
    channels = np.array(["chip", "contactless", "online"])
    merchant = random.choice(merchants, rows, p=[0.38, 0.2, 0.1, 0.17, 0.05, 0.1])
    channel = random.choice(channels, rows, p=[0.35, 0.35, 0.3])
    amount = np.round(random.lognormal(3.2, 1.1, rows), 2)
    hour = random.integers(0, 24, rows)
    distance_km = np.round(random.exponential(18, rows), 1)
    payments_last_hour = random.poisson(0.4, rows)
    card_age_days = random.integers(1, 3000, rows)
    risk = (
        -6.2
        + 0.55 * np.log1p(amount)
        + 0.9 * ((hour < 6) | (hour > 22))
        + 0.02 * np.minimum(distance_km, 150)
        + 0.8 * np.minimum(payments_last_hour, 5)
        + 1.1 * np.isin(merchant, ["electronics", "gambling", "transfer"])
        + 0.9 * (channel == "online")
        + 1.2 * (card_age_days < 60)
    )
    fraud = random.random(rows) < 1 / (1 + np.exp(-risk))
    missing = random.random(rows) < 0.05
    frame = pd.DataFrame(
        {
            "amount": amount,
            "hour": hour.astype(float),
            "distance_km": np.where(missing, -1.0, distance_km),
            "payments_last_hour": payments_last_hour.astype(float),
            "card_age_days": card_age_days.astype(float),
            "merchant": merchant,
            "channel": channel,
        }
    )
    # What the model sees is FP32; so must what it is trained on be, or rows on a split's border flip.
    numbers = frame.select_dtypes("number").columns
    frame[numbers] = frame[numbers].astype(np.float32)
    return frame, fraud.astype(int)


def fraud():
    frame, target = payments(20_000)
    train, test, train_target, test_target = train_test_split(
        frame, target, test_size=0.25, random_state=SEED, stratify=target
    )
    numbers = list(frame.select_dtypes("number").columns)
    categories = ["merchant", "channel"]
    model = make_pipeline(
        ColumnTransformer(
            [("numbers", "passthrough", numbers), ("categories", OneHotEncoder(), categories)]
        ),
        GradientBoostingClassifier(n_estimators=120, max_depth=3, random_state=SEED),
    ).fit(train, train_target)
    types = [(name, FloatTensorType([None, 1])) for name in numbers]
    types += [(name, StringTensorType([None, 1])) for name in categories]
    exported = to_onnx(model, initial_types=types, target_opset=OPSETS, options={"zipmap": False})
    probabilities = model.predict_proba(test)[:, 1]
    print(
        "fraud: share", target.mean(), "AUC", roc_auc_score(test_target, probabilities),
        "AP", average_precision_score(test_target, probabilities),
    )
    check(exported, {name: test[[name]].to_numpy() for name in test}, model.predict_proba(test))
    columns = [{"name": name, "type": "number", "input": name} for name in numbers]
    columns[0]["minimum"] = 0
    columns[1] |= {"minimum": 0, "maximum": 23}
    columns[2]["missing"] = {"value": -1}
    columns += [{"name": name, "type": "string", "input": name} for name in categories]
    sample = test.head(200)
    write(
        "fraud",
        exported,
        {
            "type": "tabular-classification",
            "columns": columns,
            "output": "probabilities",
            "activation": "none",
            "threshold": 0.4,
        },
        {
            "rows": [
                {k: None if k == "distance_km" and v == -1 else v for k, v in row.items()}
                for row in sample.astype({n: float for n in numbers}).to_dict("records")
            ],
            "probability": model.predict_proba(sample)[:, 1].tolist(),
        },
        ["genuine", "fraud"],
    )


def wine():
    data = load_wine(as_frame=True)
    values = data.data.astype(np.float32)
    train, test, train_target, _ = train_test_split(
        values, data.target, test_size=0.3, random_state=SEED, stratify=data.target
    )
    model = RandomForestClassifier(n_estimators=50, random_state=SEED)
    model.fit(train.to_numpy(), train_target)
    names = list(values.columns)
    exported = to_onnx(
        model,
        initial_types=[("features", FloatTensorType([None, len(names)]))],
        target_opset=OPSETS,
        options={"zipmap": False},
    )
    probabilities = model.predict_proba(test.to_numpy())
    check(exported, {"features": test.to_numpy()}, probabilities)
    labels = [str(name) for name in data.target_names]
    write(
        "wine",
        exported,
        {
            "type": "tabular-classification",
            "columns": [{"name": name, "type": "number"} for name in names],
            "output": "probabilities",
            "labels": labels,
            "activation": "none",
        },
        {
            "rows": test.astype(float).to_dict("records"),
            "label": [labels[i] for i in probabilities.argmax(axis=1)],
            "score": probabilities.max(axis=1).tolist(),
        },
    )


def diabetes():
    data = load_diabetes(as_frame=True, scaled=False)
    frame = data.data.copy()
    frame["sex"] = frame["sex"].map({1.0: "1", 2.0: "2"})
    numbers = [name for name in frame.columns if name != "sex"]
    frame[numbers] = frame[numbers].astype(np.float32)
    train, test, train_target, test_target = train_test_split(
        frame, data.target, test_size=0.25, random_state=SEED
    )
    encoder = OrdinalEncoder(categories=[["1", "2"]])
    join = lambda part: np.hstack(
        [part[numbers].to_numpy(), encoder.fit_transform(part[["sex"]])]
    ).astype(np.float32)
    model = GradientBoostingRegressor(n_estimators=80, max_depth=3, random_state=SEED)
    model.fit(join(train), train_target)
    predicted = model.predict(join(test))
    print("diabetes: R2", r2_score(test_target, predicted))
    exported = to_onnx(
        model,
        initial_types=[("features", FloatTensorType([None, len(numbers) + 1]))],
        target_opset=OPSETS,
    )
    check(exported, {"features": join(test)}, predicted.reshape(-1, 1))
    columns = [{"name": name, "type": "number"} for name in numbers]
    columns.append(
        {"name": "sex", "type": "category", "categories": ["1", "2"], "encoding": "ordinal"}
    )
    write(
        "diabetes",
        exported,
        {"type": "tabular-regression", "columns": columns},
        {
            "rows": test.astype({n: float for n in numbers}).to_dict("records"),
            "value": predicted.tolist(),
        },
    )


def check(model, feeds, expected):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    got = session.run(None, feeds)[-1]
    print("largest difference of ONNX Runtime", np.abs(got - expected).max())


fraud()
wine()
diabetes()
