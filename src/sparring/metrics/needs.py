"""What metrics need of the views: each a function that says what is missing, None where nothing is."""

from __future__ import annotations

from sparring.metrics.base import Need, Views


def samples(least: int) -> Need:
    """At least so many held-out samples and fakes."""

    def missing(views: Views) -> str | None:
        for name, features in (("held-out samples", views.heldout), ("fakes", views.fake)):
            if len(features) < least:
                return f"needs at least {least} {name}, there are {len(features)}"
        return None

    return missing


def fakes(least: int) -> Need:
    """At least so many fakes."""

    def missing(views: Views) -> str | None:
        return f"needs at least {least} fakes, there are {len(views.fake)}" if len(views.fake) < least else None

    return missing


def probabilities(views: Views) -> str | None:
    """Class probabilities of the fakes."""
    return "needs class probabilities, which this extractor does not give" if views.fake.probabilities is None else None


def train(views: Views) -> str | None:
    """Features of the training samples."""
    given = views.train is not None and len(views.train) > 0
    return None if given else "needs features of training samples, and none were given"


def networks(views: Views) -> str | None:
    """The networks that made and judged the fakes."""
    return "needs the run's two networks, and has samples alone" if views.networks is None else None


def modes(views: Views) -> str | None:
    """Known modes, and the samples to look for them."""
    if views.modes is None:
        return "needs a data set whose modes are known"
    return kept_samples(views)


def centres(views: Views) -> str | None:
    """Modes known by their centres."""
    if views.modes is None or views.modes.centres is None:
        return "needs a data set whose modes have known centres"
    return kept_samples(views)


def images(views: Views) -> str | None:
    """The samples themselves, as images of at least 6 pixels a side."""
    missing = kept_samples(views)
    if missing is not None or views.fake.samples is None:
        return missing
    shape = list(views.fake.samples.shape[1:])
    if len(shape) != 3:
        return f"needs images, and the samples are points of shape {shape}"
    if min(shape[1:]) < 6:
        return f"needs images of at least 6 pixels a side, and these are {shape[1]} x {shape[2]}"
    return None


def kept_samples(views: Views) -> str | None:
    if views.fake.samples is None or views.heldout.samples is None:
        return "needs the samples beside their features, and they were not kept"
    return None
