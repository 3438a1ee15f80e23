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
    return _kept_samples(views)


def centres(views: Views) -> str | None:
    """Modes known by their centres."""
    if views.modes is None or views.modes.centres is None:
        return "needs a data set whose modes have known centres"
    return _kept_samples(views)


def images(views: Views) -> str | None:
    """The samples themselves, as images of at least 6 pixels a side."""
    missing = _kept_samples(views)
    if missing is not None or views.fake.samples is None:
        return missing
    shape = list(views.fake.samples.shape[1:])
    if len(shape) != 3:
        return f"needs images, and the samples are points of shape {shape}"
    if min(shape[1:]) < 6:
        return f"needs images of at least 6 pixels a side, and these are {shape[1]} x {shape[2]}"
    return None


def pairs(views: Views) -> str | None:
    """A truth for each fake, as images of at least 11 pixels a side; of holes, at least two that hold a pixel."""
    if views.truth is None:
        return "needs pairs: the truth of each fake, and these have none"
    if views.truth.ndim != 4 or min(views.truth.shape[2:]) < 11:
        shape = " x ".join(str(side) for side in views.truth.shape[2:])
        return f"needs images of at least 11 pixels a side, and these are {shape or 'points'}"
    count = len(views.truth) if views.holes is None else int(views.holes.flatten(1).any(1).sum())
    what = "pairs" if views.holes is None else "pairs with a hole"
    return f"needs at least 2 {what}, there are {count}" if count < 2 else None


def targets(views: Views) -> str | None:
    """Training images of what fakes should be."""
    given = views.targets is not None and len(views.targets) > 0
    return None if given else "needs training images of what fakes should be, and none were given"


def table(views: Views) -> str | None:
    """Rows of a table."""
    if views.table is None:
        return "needs rows of a table"
    return _kept_samples(views)


def two_columns(views: Views) -> str | None:
    """A table of two columns or more."""
    few = views.table is not None and len(views.table.columns) < 2
    return "needs a table of at least 2 columns" if few else table(views)


def target(views: Views) -> str | None:
    """A table with a column to predict, and others to predict it by."""
    if views.table is not None and views.table.target is None:
        return "needs a target: data.table.target=COLUMN"
    return two_columns(views)


def train_rows(views: Views) -> str | None:
    """The rows of a table that training saw."""
    given = views.train is not None and views.train.samples is not None and len(views.train) > 1
    return table(views) or (None if given else "needs the rows that were trained on, and they were not given")


def _kept_samples(views: Views) -> str | None:
    if views.fake.samples is None or views.heldout.samples is None:
        return "needs the samples beside their features, and they were not kept"
    return None
