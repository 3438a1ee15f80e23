"""An independent check of what `sparring augment` says: other splits, another model, other arithmetic.

    python bench/augment_check.py people.csv --target income --rows 200 --mix 2 --splits 8 --model trees

On each split so many rows train a GAN, and scikit-learn's plain gradient boosting (not the histogram one of `augment`)
or logistic regression at its defaults, with and without synthetic rows; all others are held out. The target is one of
classes. Prints one line a split, then the mean
difference of ROC AUC with Student's 95 % interval.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import sparring

FIRST = 1000
"""Splits and GANs have seeds of their own, far from those of `augment`."""


MODELS = {
    "trees": lambda: GradientBoostingClassifier(random_state=0),
    "linear": lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
}


def auc(train: pd.DataFrame, held: pd.DataFrame, target: str, kind: str) -> float:
    """ROC AUC on held-out rows; of more than two classes each against the rest."""
    inputs, wanted = train.drop(columns=target), train[target].astype(str)
    texts = [name for name in inputs if inputs[name].dtype == object or inputs[name].dtype == bool]
    numbers = [name for name in inputs if name not in texts]
    coded = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="constant", fill_value="none"), OneHotEncoder(handle_unknown="ignore")
            ),
            texts,
        ),
        (SimpleImputer(keep_empty_features=True), numbers),
        sparse_threshold=0,
    )
    model = make_pipeline(coded, MODELS[kind]()).fit(_plain(inputs, texts), wanted)
    told, truth = model.predict_proba(_plain(held.drop(columns=target), texts)), held[target].astype(str)
    if len(model.classes_) == 2:
        return float(roc_auc_score(truth == model.classes_[1], told[:, 1]))
    return float(roc_auc_score(truth, told, multi_class="ovr", labels=model.classes_))


def _plain(frame: pd.DataFrame, texts: list[str]) -> pd.DataFrame:
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("data", type=Path)
    options.add_argument("--target", required=True)
    options.add_argument("--rows", type=int, required=True)
    options.add_argument("--mix", type=float, default=2.0)
    options.add_argument("--model", choices=sorted(MODELS), default="trees")
    options.add_argument("--splits", type=int, default=8)
    options.add_argument("--steps", type=int, default=1500)
    said = options.parse_args()
    whole = pd.read_csv(said.data, skipinitialspace=True, na_values=["?"]).dropna(subset=[said.target])
    differences = []
    for seed in range(FIRST, FIRST + said.splits):
        train = whole.groupby(said.target, group_keys=False).sample(frac=said.rows / len(whole), random_state=seed)
        held = whole.drop(train.index)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.csv"
            train.to_csv(file, index=False)
            words = ("table/few", f"steps={said.steps}", "data.table.held_out=0", "score.metrics=[]", "doctor=off")
            run = sparring.train(*words, data=file, out=Path(folder) / "run", seed=seed, quiet=True)
            made = run.sample(round(said.mix * len(train)), seed=seed)
        made[said.target] = made[said.target].astype(train[said.target].dtype)
        with_made = auc(pd.concat([train, made], ignore_index=True), held, said.target, said.model)
        alone = auc(train, held, said.target, said.model)
        differences.append(with_made - alone)
        print(f"split {seed}: {len(train)} rows {alone:.4f}, with {len(made)} synthetic {with_made:.4f}", flush=True)
    mean, count = float(np.mean(differences)), len(differences)
    half = float(stats.t.ppf(0.975, count - 1) * np.std(differences, ddof=1) / count**0.5)
    print(f"difference {mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f}), {count} splits")


if __name__ == "__main__":
    main()
