"""Generators of labelled images for comparisons, one for each seed; how long they train; and the images enlarged."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sparring.base.checking import no_link
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.base.files import fresh, write_file
from sparring.data.pictures.options import PictureOptions
from sparring.engine import choose_plan
from sparring.gan.games import FromNoise
from sparring.kinds.augmenting.answers import Comparison
from sparring.kinds.augmenting.asking import check, tell, writable
from sparring.kinds.augmenting.splitting import splits
from sparring.kinds.images.augment.comparing import MARGIN, Make, study_images
from sparring.kinds.images.augment.labelled import Labelled, distinct, values_of, written
from sparring.kinds.images.augment.models import MODELS, chosen_models
from sparring.kinds.images.augment.schedule import planned
from sparring.kinds.images.writing import as_people_take, check_png, save_png
from sparring.kinds.kind import Augment, Say, Train

CHOOSING = 2
"""Seeds by which mixes and strengths are chosen."""
HELD_OUT = 0.2
"""The part of the images that judges, where no number of training images is asked for."""
OPTIONS = ("mirror", "zoom", "turn", "range")
"""Of the data, which hold for images that are written anew at their size."""


class Synthesiser:
    """Trains a GAN on each seed's training images, in a directory of its own below `folder`: asked again, it goes on.
    `changes` are overrides of all of them."""

    def __init__(self, folder: Path, train: Train, changes: Sequence[str]) -> None:
        self.folder, self.train, self.changes = folder, train, tuple(changes)

    def __call__(self, real: Labelled, seed: int) -> Make:
        place = no_link(self.folder / f"seed-{seed}")
        trained = self.train(written(place, real), no_link(place / "run"), self.changes, seed)
        if not trained.game.labelled:
            raise RequestError("game: its generator is not asked for labels; say game.from_noise.labels=projection")
        numbers = torch.tensor([int(name) for name in trained.label_names])

        def make(count: int) -> tuple[Tensor, Tensor]:
            key = Key(seed, "samples")
            labels = trained.labels(key, count)
            assert labels is not None
            return trained.draw(count, key, labels), numbers[labels.cpu()]

        return make


def answer(asked: Augment, train: Train, say: Say) -> Comparison:
    """Compares, tells, and writes the images with made ones where they are wanted."""
    if asked.target is not None:
        raise RequestError(f"target: {asked.target}; of images it is their labels that are told, so leave it out")
    images, notes = distinct(asked.source.load(), asked.place)
    if asked.to is not None:
        check_place(asked.to, images)
        writable(asked.to.parent, "to")
    writable(asked.folder, "out")
    device = torch.device(choose_plan(asked.device, "fp32", images=False).device)
    parts, _ = splits(images.truth, CHOOSING + asked.seeds, HELD_OUT, asked.count, of="labelled images")
    models, more = chosen_models(asked.models, images, len(parts[0][0]), device)
    check(asked.seeds, CHOOSING, asked.mixes, tuple(models), MODELS, HELD_OUT, MARGIN)
    schedule = planned(asked, images, parts, models, overrides(asked, len(parts[0][0])), say)
    models, changes = schedule.models, schedule.changes
    found = study_images(
        images,
        Synthesiser(asked.folder, train, changes),
        models,
        seeds=asked.seeds,
        choosing=CHOOSING,
        mixes=asked.mixes,
        held_out=HELD_OUT,
        rows=asked.count,
        keep=asked.folder,
        notes=(*notes, *more, *schedule.notes),
        say=say,
    )
    tell(found, asked.folder, say)
    if asked.to is not None:
        mix = found.overall.mix or min(asked.mixes)
        made = Synthesiser(asked.folder / "all", train, changes)(images, 0)(max(1, round(mix * len(images))))
        write_enlarged(asked.to, images, *made)
        say(f"{asked.to}: {len(images):,} real images and {len(made[1]):,} synthetic ones")
    return found


def overrides(asked: Augment, count: int) -> tuple[str, ...]:
    """Of every generator's recipe, which learns from so many images: it is asked for labels, holds nothing out, and is
    not scored; images are shown to it as the data say."""
    said = ["data.images.held_out=0", "score.metrics=[]"]
    if asked.batch > count:
        said.append(f"batch={2 ** (count.bit_length() - 1)}")
    if isinstance(asked.game, FromNoise) and asked.game.labels in ("none", "auto"):
        said.append("game.from_noise.labels=auto")
    if isinstance(asked.source, PictureOptions):
        options = asked.source.model_dump(mode="json", include=set(OPTIONS), exclude_defaults=True)
        said += [f"data.images.{name}={json.dumps(value).strip(chr(34))}" for name, value in options.items()]
    return tuple(said)


def check_place(to: Path, images: Labelled) -> None:
    """Raises RequestError where images cannot be written: a new folder, or a path ending in .npz."""
    if to.suffix not in ("", ".npz"):
        raise RequestError(f"to: {to} ends in none of a folder, .npz")
    if to.suffix:
        return
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise RequestError(f"to: {to} exists and is not an empty folder")
    check_png(to, images.samples.shape[1], values_of(images))


def write_enlarged(to: Path, images: Labelled, samples: Tensor, labels: Tensor) -> None:
    """Writes real images, at the size at which they are trained on, and made ones with their labels: into a folder of
    each class, as real-*.png and made-*.png, or a .npz, the real ones first."""
    check_place(to, images)
    both, codec = images.with_more(samples, labels), values_of(images)
    try:
        if to.suffix:
            content = {
                "images": as_people_take(both.samples, codec),
                "labels": np.array(images.names)[both.labels.numpy()],
            }
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **content)
            write_file(to, buffer.getvalue())
            return
        with fresh(to, folder=True) as part:
            for number, (sample, label) in enumerate(zip(both.samples, both.labels.tolist(), strict=True)):
                folder = part / images.names[label].replace("/", "_")
                folder.mkdir(exist_ok=True)
                made = number - len(images)
                save_png(folder / (f"real-{number:06d}.png" if made < 0 else f"made-{made:06d}.png"), sample, codec)
            if to.exists():
                to.rmdir()
            part.rename(to)
    except OSError as error:
        raise RequestError(f"to: {to} cannot be written ({error.strerror or error})") from None
