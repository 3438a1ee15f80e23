"""What each score means, in a sentence, and up to where more of it is merit."""

from __future__ import annotations

from typing import NamedTuple

from sparring.reports.readings import Reading
from sparring.reports.wording import number

MEANINGS = {
    "fid": "Fréchet distance: how far the samples’ features lie from those of held-out data. 0 if equal.",
    "kid": "Kernel distance of features, free of bias: about 0 for equal distributions, and then on either side of it.",
    "precision": "Share of samples that look like some real one: fidelity.",
    "recall": "Share of real ones that look like some sample: variety.",
    "density": "How many real neighbourhoods a sample lies in: fidelity. 1 for equal distributions; more is no merit.",
    "coverage": "Share of real neighbourhoods that hold a sample: variety.",
    "is": "Inception score: how sure each sample’s class is, and how even the classes. Sees no real data.",
    "memorisation": "1 where samples are as near to held-out as to training data, 0 where they copy training data.",
    "diversity": "How far apart samples lie, against held-out data: 1 is alike, 0 is collapse; more is no merit.",
    "ms_ssim": "How alike two samples are: high where they collapse. Below that of real data is no merit.",
    "patch_kid": "Kernel distance of patches by their texture: blur and noise raise it. About 0 where texture is real.",
    "psnr": "How near samples come to their truths, in decibels. Blur that hedges does well by it.",
    "ssim": "How alike samples and their truths are in structure, window by window. 1 if equal.",
    "ms_ssim_pairs": "How alike samples and their truths are in structure, at several scales. 1 if equal.",
    "mae": "Mean absolute difference of samples and their truths, as a share of the range. 0 if equal.",
    "agreement": "Overlap of the areas of each main colour in samples and their truths, mean over colours. 1 if equal.",
    "pixel_accuracy": "Share of pixels whose nearest main colour is that of the truth.",
    "lpips": "How far samples are from their truths in a network’s features, weighed as people judged. 0 if equal.",
    "modes": "How many of the data’s known modes the samples show.",
    "high_quality": "Share of samples within 3 sigma of a mode’s centre.",
    "latent_change": "How much more a sample changes for the worst small step of its latent than for a random one.",
    "latent_score_drop": "The same for the fall of the discriminator’s logit of the sample.",
    "latent_similarity_drop": "The same for how far the sample moves away from the nearest real one.",
    "path_length": "How unevenly samples move for a small step of their latents: 0 is the same everywhere.",
    "attack_fgsm": "How much more one signed gradient step lowers the discriminator’s logit of a real sample than "
    "random signs change it.",
    "attack_pgd": "The same for the worst that projected gradient ascent finds.",
    "column_shapes": "How alike each column by itself is distributed, on average. 1 if equal.",
    "column_pairs": "How alike each two columns go together, on average. 1 if equal.",
    "two_sample": "How well a model that was taught to tell these rows from real ones does, ROC AUC. 0.5 if it cannot, "
    "and then on either side of it.",
    "utility": "How well a model trained on these rows predicts the target of real rows.",
    "utility_reverse": "How well a model trained on real rows predicts the target of these. More than of held-out rows "
    "is no merit.",
    "copies": "Share of rows that equal a training row. As few as of held-out rows is all one can ask.",
    "near_copies": "Share of rows as near to a training row as the nearest hundredth of held-out rows: about 0.01.",
    "closest_record": "Share of rows nearer to a training row than to any held-out row, of as many. 0.5 if nothing "
    "leaks, and then on either side of it.",
    "membership": "How well an attacker who has these rows guesses which real rows were trained on, ROC AUC. 0.5 if "
    "nothing leaks, and then on either side of it.",
}
FLOORS = {"two_sample": 0.5, "closest_record": 0.5, "membership": 0.5}
"""Values of scores, lower better, below which a difference is chance."""
LIMITS = {"memorisation": 1.0, "diversity": 1.0, "density": 1.0}
"""Values of scores, higher better, past which a difference is chance or worse."""

TRAINING = "training data"
OTHER_YARDSTICKS = {
    "modes": ("known modes", "modes"),
    "high_quality": ("held-out data", "real_value"),
    "ms_ssim": ("held-out data", "real_value"),
    "copies": ("held-out data", "real_value"),
    "near_copies": ("held-out data", "real_value"),
}
"""Where the score of training data is not measured: what is told instead, and the protocol's entry for it."""


def limited(reading: Reading, value: float) -> float:
    """A value as far as it is merit."""
    if reading.metric in LIMITS:
        return min(value, LIMITS[reading.metric])
    if reading.metric in FLOORS:
        return max(value, FLOORS[reading.metric])
    if reading.metric in ("ms_ssim", "copies", "near_copies"):
        return max(value, reading.number_of("real_value") or 0.0)
    if reading.metric == "utility_reverse" and (of_real := reading.number_of("training_data")) is not None:
        return min(value, of_real)
    return value


class Yardstick(NamedTuple):
    """What real data gets: the best that can be hoped for."""

    label: str
    value: float


def yardstick(reading: Reading) -> Yardstick | None:
    """The yardstick that a score's protocol holds, if any."""
    training = reading.number_of("training_data")
    if training is not None:
        return Yardstick(TRAINING, training)
    label, entry = OTHER_YARDSTICKS.get(reading.metric, ("", ""))
    value = reading.number_of(entry)
    return None if value is None else Yardstick(label, value)


def remark(reading: Reading) -> str:
    """What a reader should know of this value beside it."""
    told = [reading.note] if reading.note else []
    if reading.metric == "memorisation":
        p_value, copies = reading.number_of("p_value"), reading.number_of("copies")
        if p_value is not None:
            told.append(f"p = {number(p_value)} if nothing is memorised")
        if copies is not None:
            told.append(f"{number(copies)} exact or all but exact {'copy' if copies == 1 else 'copies'}")
    if reading.metric == "closest_record" and (p_value := reading.number_of("p_value")) is not None:
        told.append(f"p = {number(p_value)} if nothing leaks")
    linear, of_real = reading.number_of("linear"), reading.number_of("linear_training_data")
    if linear is not None:
        told.append(
            f"a linear model {number(linear)}" + ("" if of_real is None else f", of real rows {number(of_real)}")
        )
    worst, random = reading.number_of("worst"), reading.number_of("random")
    if worst is not None and random is not None:
        told.append(f"worst {number(worst)}, random {number(random)}")
    if reading.metric == "path_length" and (mean := reading.number_of("mean_length")) is not None:
        told.append(f"mean length {number(mean)}")
    return "; ".join(told)
