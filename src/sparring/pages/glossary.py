"""What each score means, in a sentence, and up to where more of it is merit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sparring.pages.naming import flattered
from sparring.pages.readings import MADE_OF, Reading
from sparring.pages.wording import number

TRAINING = "training data"


class Remark(NamedTuple):
    """What is told beside a score that has a number of this entry in its protocol."""

    entry: str
    words: str
    """With `{}` for the number."""
    of_one: str = ""
    """The same where the number is 1, if that is put otherwise."""


@dataclass(frozen=True)
class Meaning:
    """What to know of a metric to read its scores."""

    about: str
    """A sentence."""
    floor: float | None = None
    """Where lower is better, the value below which a difference is chance."""
    limit: float | None = None
    """Where higher is better, the value past which a difference is chance or worse."""
    capped_by: str | None = None
    """The protocol's entry for what real data get: to be better than that is no merit."""
    of_truths: bool = False
    """Whether it holds each sample against the one that it should be: then samples are made of held-out inputs."""
    against: tuple[str, str] | None = None
    """Where the score of training data is not measured: what is told instead, and the protocol's entry for it."""
    remarks: tuple[Remark, ...] = ()


KNOWN = {
    "fid": Meaning("Fréchet distance: how far the samples’ features lie from those of held-out data. 0 if equal."),
    "kid": Meaning(
        "Kernel distance of features, free of bias: about 0 for equal distributions, and then on either side of it."
    ),
    "precision": Meaning("Share of samples that look like some real one: fidelity."),
    "recall": Meaning("Share of real ones that look like some sample: variety."),
    "density": Meaning(
        "How many real neighbourhoods a sample lies in: fidelity. 1 for equal distributions; more is no merit.",
        limit=1.0,
    ),
    "coverage": Meaning("Share of real neighbourhoods that hold a sample: variety."),
    "is": Meaning("Inception score: how sure each sample’s class is, and how even the classes. Sees no real data."),
    "memorisation": Meaning(
        "1 where samples are as near to held-out as to training data, 0 where they copy training data.",
        limit=1.0,
        remarks=(
            Remark("p_value", "p = {} if nothing is memorised"),
            Remark("copies", "{} exact or all but exact copies", "{} exact or all but exact copy"),
        ),
    ),
    "diversity": Meaning(
        "How far apart samples lie, against held-out data: 1 is alike, 0 is collapse; more is no merit.",
        limit=1.0,
    ),
    "ms_ssim": Meaning(
        "How alike two samples are: high where they collapse. Below that of real data is no merit.",
        capped_by="real_value",
        against=("held-out data", "real_value"),
    ),
    "patch_kid": Meaning(
        "Kernel distance of patches by their texture: blur and noise raise it. About 0 where texture is real."
    ),
    "psnr": Meaning(
        "How near samples come to their truths, in decibels. Blur that hedges does well by it.",
        of_truths=True,
    ),
    "ssim": Meaning(
        "How alike samples and their truths are in structure, window by window. 1 if equal.",
        of_truths=True,
    ),
    "ms_ssim_pairs": Meaning(
        "How alike samples and their truths are in structure, at several scales. 1 if equal.",
        of_truths=True,
    ),
    "mae": Meaning(
        "Mean absolute difference of samples and their truths, as a share of the range. 0 if equal.",
        of_truths=True,
    ),
    "agreement": Meaning(
        "Overlap of the areas of each main colour in samples and their truths, mean over colours. 1 if equal.",
        of_truths=True,
    ),
    "pixel_accuracy": Meaning(
        "Share of pixels whose nearest main colour is that of the truth.",
        of_truths=True,
    ),
    "lpips": Meaning(
        "How far samples are from their truths in a network’s features, weighed as people judged. 0 if equal.",
        of_truths=True,
    ),
    "modes": Meaning("How many of the data’s known modes the samples show.", against=("known modes", "modes")),
    "high_quality": Meaning(
        "Share of samples within 3 sigma of a mode’s centre.",
        against=("held-out data", "real_value"),
    ),
    "latent_change": Meaning(
        "How much more a sample changes for the worst small step of its latent than for a random one."
    ),
    "latent_score_drop": Meaning("The same for the fall of the discriminator’s logit of the sample."),
    "latent_similarity_drop": Meaning("The same for how far the sample moves away from the nearest real one."),
    "path_length": Meaning(
        "How unevenly samples move for a small step of their latents: 0 is the same everywhere.",
        remarks=(Remark("mean_length", "mean length {}"),),
    ),
    "attack_fgsm": Meaning(
        "How much more one signed gradient step lowers the discriminator’s logit of a real sample than random "
        "signs change it."
    ),
    "attack_pgd": Meaning("The same for the worst that projected gradient ascent finds."),
    "column_shapes": Meaning("How alike each column by itself is distributed, on average. 1 if equal."),
    "column_pairs": Meaning("How alike each two columns go together, on average. 1 if equal."),
    "two_sample": Meaning(
        "How well a model that was taught to tell these rows from real ones does, ROC AUC. 0.5 if it cannot, "
        "and then on either side of it.",
        floor=0.5,
    ),
    "utility": Meaning("How well a model trained on these rows predicts the target of real rows."),
    "utility_reverse": Meaning(
        "How well a model trained on real rows predicts the target of these. More than of held-out rows is no merit.",
        capped_by="training_data",
    ),
    "copies": Meaning(
        "Share of rows that equal a training row. As few as if nothing were copied is all one can ask.",
        capped_by="expected",
        against=("nothing copied", "expected"),
        remarks=(Remark("p_value", "p = {} if nothing is copied"),),
    ),
    "near_copies": Meaning(
        "Share of rows as near to a training row as the nearest hundredth of held-out rows: about 0.01.",
        capped_by="expected",
        against=("nothing copied", "expected"),
    ),
    "closest_record": Meaning(
        "Share of rows nearer to a training row than to any held-out row, of as many. 0.5 if nothing leaks, and "
        "then on either side of it.",
        floor=0.5,
        remarks=(Remark("p_value", "p = {} if nothing leaks"),),
    ),
    "membership": Meaning(
        "How well an attacker who has these rows guesses which real rows were trained on, ROC AUC. 0.5 if "
        "nothing leaks, and then on either side of it.",
        floor=0.5,
    ),
}
"""By the metrics' names."""
_UNKNOWN = Meaning("")


def learn(metric: str, meaning: Meaning) -> None:
    """Takes in what a metric says of itself."""
    KNOWN[metric] = meaning


def meaning(metric: str) -> str:
    """A sentence about a metric; nothing where none is known."""
    return KNOWN.get(metric, _UNKNOWN).about


def limited(reading: Reading, value: float) -> float:
    """A value as far as it is merit."""
    known = KNOWN.get(reading.metric, _UNKNOWN)
    if known.limit is not None:
        value = min(value, known.limit)
    if known.floor is not None:
        value = max(value, known.floor)
    of_real = None if known.capped_by is None else _of_real(reading, known.capped_by)
    if of_real is not None:
        value = min(value, of_real) if reading.better == "higher" else max(value, of_real)
    return value


def references(readings: Sequence[Reading]) -> str:
    """What a reader should know of all scores: what stands beside them as training data's, and whom not to trust."""
    same = "“Training data” is the score of as many training samples in the samples’ place"
    if any(one.protocol.get(MADE_OF) or KNOWN.get(one.metric, _UNKNOWN).of_truths for one in readings):
        told = (
            f"{same}: how far two sets of real ones are from each other. Samples that are made of the held-out inputs "
            "themselves can score better than that."
        )
    else:
        told = f"{same}, the best that can be hoped for."
    return " ".join([told, *(f"{word[0].upper()}{word[1:]}." for word in flattered(one.extractor for one in readings))])


class Reference(NamedTuple):
    """What real data get."""

    label: str
    value: float


def yardstick(reading: Reading) -> Reference | None:
    """The yardstick that a score's protocol holds, if any."""
    label, entry = TRAINING, "training_data"
    if reading.number_of(entry) is None:
        label, entry = KNOWN.get(reading.metric, _UNKNOWN).against or ("", "")
    value = _of_real(reading, entry)
    return None if value is None else Reference(label, value)


def _of_real(reading: Reading, entry: str) -> float | None:
    """What real data get; older scores of what is expected have the number of held-out samples alone."""
    value = reading.number_of(entry)
    return reading.number_of("real_value") if value is None and entry == "expected" else value


def remark(reading: Reading) -> str:
    """What a reader should know of this value beside it."""
    told = [reading.note] if reading.note else []
    for one in KNOWN.get(reading.metric, _UNKNOWN).remarks:
        value = reading.number_of(one.entry)
        if value is not None:
            told.append(((value == 1 and one.of_one) or one.words).format(number(value)))
    linear, of_real = reading.number_of("linear"), reading.number_of("linear_training_data")
    if linear is not None:
        told.append(
            f"a linear model {number(linear)}" + ("" if of_real is None else f", of real rows {number(of_real)}")
        )
    worst, random = reading.number_of("worst"), reading.number_of("random")
    if worst is not None and random is not None:
        told.append(f"worst {number(worst)}, random {number(random)}")
    return "; ".join(told)
