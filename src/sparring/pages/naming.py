"""What scores are called: a name that papers use is given without a word to what papers mean by it alone."""

from __future__ import annotations

from collections.abc import Iterable

PUBLISHED_IN = "inception"
"""The extractor of the published values of `PUBLISHED`."""
PUBLISHED = {"fid": "Fréchet distance", "kid": "kernel distance", "is": "how sure and how even the classes are,"}
"""Metrics whose published values are of one extractor's features, and what they are of any."""
FEATURES = {
    "inception": "of the Inception network",
    "imagenet": "of a network trained on ImageNet's photos",
    "classifier": "of a classifier trained on these data",
    "selfsup": "of a network trained on these data without labels",
    "pixels": "that are the values themselves",
}
"""Extractors in words."""
FLATTERING = {
    "selfsup": "features of a network trained on these very images flatter: look at the samples, or score by imagenet",
}
"""What a reader of scores by an extractor is told."""


def titled(metric: str, extractor: str, name: str = "") -> str:
    """What a score is called wherever a person reads it: fid, or by features that no published value of it is of,
    fid (classifier). `name` is put in the metric's place."""
    own = metric in PUBLISHED and extractor not in ("", PUBLISHED_IN)
    return f"{name or metric} ({extractor})" if own else name or metric


def label(metric: str, extractor: str) -> str | None:
    """The same as a sentence, for those who read files; None where the name says it all."""
    if metric not in PUBLISHED or not extractor:
        return None
    by = FEATURES.get(extractor, f"by the extractor {extractor}")
    told = f"{PUBLISHED[metric]} in features {by}"
    return told if extractor == PUBLISHED_IN else f"{told}; published ones are of Inception's: not comparable"


def flattered(extractors: Iterable[str]) -> list[str]:
    """What a reader of scores by these extractors is told, each thing once."""
    return list(dict.fromkeys(FLATTERING[name] for name in extractors if name in FLATTERING))
