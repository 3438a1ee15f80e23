"""Runs of every kind of data, and all that was made of them when they were kept: `python tests/house/make.py [FAMILY ...]`.

`fixtures/FAMILY.zip` holds a small run as it was written, and in `expected.json` what each check below gave of it, by the
code that trained it; `fixtures/surface.zip` what the package shows without a run. The test beside this file holds later
code to them. Who makes them anew gives up that runs of before can be read: add to them instead. Where a mistake was
mended that a run here was made with, `mended.json` holds what a check finds since, and why.

Data are made by whole numbers alone, so they are the same everywhere, and lie at relative paths in the current folder.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

import sparring

FIXTURES = Path(__file__).resolve().parent / "fixtures"
MENDED = Path(__file__).resolve().parent / "mended.json"
EXPECTED = "expected.json"
NEWER = Path(__file__).resolve().parent / "newer.json"
"""What checks give since what they look at, a page say, was changed on purpose: by family and check. `python
tests/house/make.py again FAMILY CHECK` writes it down."""
RUN = Path("run")
SIDE = 12
"""Edge of the images of training."""
WAYWARD = {"seconds", "images_per_s", "memory_mb"}
"""Numbers that no two trainings have in common."""
SINCE = {"copies_expected", "live_copies_expected"}
"""What probes have read since these runs were made."""
AFTER = {"logits_train", "logits_heldout"}
"""Numbers of after a step, which on another machine may be quite different ones."""
Seen = dict[str, Any]
"""`everywhere`: equal on all machines; `here`: to the last bit where the machine is the same, else as numbers are."""


class Family(NamedTuple):
    """A kind of run."""

    words: list[str]
    """Recipe and overrides."""
    metrics: str
    """What it is scored by."""
    extractor: str | None = None
    """By which features, where not by the recipe's."""
    data: Callable[[], None] = lambda: None
    """Writes its data to the current folder."""
    samples: tuple[dict[str, Any], ...] = ()
    """More ways to ask for samples; none of a run that translates."""
    files: tuple[str, ...] = ()
    """Files that samples are written to."""
    ways: tuple[dict[str, Any], ...] = ()
    """Ways to translate."""


# --- data


def number(*places: int) -> int:
    """A number that looks drawn, from 0 to 999, of some whole numbers."""
    found = 17
    for place in places:
        found = (found * 1103515245 + place * 12345 + 6789) % 2**31
    return found // 64 % 1000


def write_pictures(folder: Path, count: int, size: tuple[int, int] = (SIDE, SIDE), kind: int = 0) -> None:
    """Pictures in colour of a height and width, a few of them alike; those of another kind look otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    high, wide, bands = np.ogrid[: size[0], : size[1], :3]
    for place in range(count):
        steep, across, shift = (number(kind, place, part) % 11 + 1 for part in range(3))
        pixels = (steep * high * (2 + kind) + across * wide + 40 * bands * (1 - kind) + 23 * shift) % 256
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{place:03d}.png")


def write_classes() -> None:
    for kind, name in enumerate(("plain", "steep")):
        write_pictures(Path("data") / name, 24, (8, 8), kind)


def write_sides() -> None:
    for kind, name in enumerate("ab"):
        write_pictures(Path("data") / name, 44, kind=kind)


def write_one_kind() -> None:
    write_pictures(Path("data"), 44)


def write_two_pictures() -> None:
    write_pictures(Path("data"), 1, (30, 34))
    write_pictures(Path("data/style"), 1, (32, 28), kind=1)


def write_rows() -> None:
    Path("data").mkdir(exist_ok=True)
    with Path("data/rows.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["age", "city", "low", "high", "joined", "member", "key"])
        for place in range(160):
            age, low, up, day = (number(place, part) for part in range(4))
            city = ("Bern", "Genf", "Zug, Stadt")[number(place, 4) % 5 % 3]
            joined = f"20{10 + day % 14}-{1 + day % 12:02d}-{1 + day % 28:02d}"
            high = "" if place % 9 == 4 else f"{(low + up) / 8:.2f}"
            member = "yes" if age % 60 > 25 else "no"
            writer.writerow([18 + age % 60, city, f"{low / 8:.2f}", high, joined, member, f"K{place:04d}"])


def write_inputs() -> None:
    """Pictures to translate, not of the size of training, and where to fill one."""
    write_pictures(Path("inputs"), 2, (21, 18), kind=1)
    holes = Image.new("L", (18, 21))
    holes.paste(255, (3, 4, 11, 15))
    holes.save("mask.png")


# --- families

COMMON = [
    *("plan=plain", "precision=fp32", "log_every=1", "sample_every=12", "keep=1"),
    *("steps=12", "batch=8", "ema.half_life=40"),
]
DENSE = ["generator.net.dense.widths=[12]", "discriminator.net.dense.widths=[12]"]
PIXELS = ["score.extractor=pixels", "score.metrics=[fid,kid]"]
UNET = ["generator.net.unet.width=4", "generator.net.unet.blocks=1"]
CODER = [f"generator.net.encoder_decoder.{word}" for word in ("width=4", "blocks=1", "levels=1")]
EMBEDDING = ["game.unpaired.embedding=4", "game.unpaired.patches=8"]
PATCH = ["discriminator.net.patch.width=4", "discriminator.net.patch.levels=1"]
EVERYTHING = [
    *("image/small", "data.images.path=data", "data.images.mirror=true", "game.from_noise.labels=projection"),
    *("game.from_noise.latent.truncated.size=6", "generator.net.dcgan.widths=[6,4]", "generator.net.dcgan.norm=batch"),
    "generator.net.dcgan.strides=[2,2]",
    *("discriminator.net.dcgan.widths=[6,8]", "discriminator.net.dcgan.strides=[1,2]"),
    *("discriminator.net.dcgan.norm=batch", "discriminator.refit_batch_norms=true"),
    "discriminator.surgery.dropout.rate={adaptive: {adjust: 3000, target: -1}}",
    *("discriminator.surgery.spectral_norm={}", "discriminator.terms.r1.masks=two"),
    *("discriminator.terms.consistency={}", "discriminator.terms.dragan.every=2", "discriminator.optimiser=rms_prop"),
    "augment.ada.probability={adaptive: {adjust: 2000, target: -1}}",
    *("score.extractor=pixels", "score.metrics=[fid]", "score.every=12"),
]
"""A run in which everything that has state or draws takes part."""

FAMILIES = {
    "digits": Family(
        ["digits", *COMMON, *DENSE, *PIXELS, "game.from_noise.latent.normal.size=6"],
        "fid,kid,precision,recall,coverage,memorisation,diversity,robustness",
        files=("made.npz", "made.png", "made"),
    ),
    "images": Family(
        [*EVERYTHING, *COMMON],
        "fid,is,density",
        "classifier",
        data=write_classes,
        samples=({"label": "steep"}, {"step": "best"}),
        files=("made.npz",),
    ),
    "ring": Family(
        ["ring", *COMMON, *DENSE, "steps=120", "sample_every=120", "generator.optimiser.adam.lr=0.05"],
        "modes,high_quality,fid",
        files=("made.npz", "made.csv"),
    ),
    "stacked": Family(
        [
            *("stacked_digits", *COMMON, *DENSE, *PIXELS, "data.stacked_digits.count=200"),
            *("game.from_noise.latent.normal.size=6", "update=simultaneous", "microbatch=4"),
        ],
        "fid,ms_ssim",
    ),
    "table": Family(
        [
            *("table", *COMMON, "data.table.path=data/rows.csv", "data.table.target=member"),
            "data.table.constraints=[low <= high, unique key]",
            *("generator.net.tabular.widths=[12]", "discriminator.net.tabular.widths=[12]"),
            *("game.table.latent.normal.size=6", "score.metrics=[column_pairs,column_shapes]"),
        ],
        "column_pairs,column_shapes,two_sample,copies,near_copies,closest_record,membership",
        data=write_rows,
        samples=({"where": "city=Bern"}, {"balance": "member", "where": ["age>30"]}, {"label": "member=yes"}),
        files=("made.csv", "made.tsv"),
    ),
    "paired": Family(
        ["translate/paired", *COMMON, *UNET, *PATCH, *PIXELS, "data.pairs.path=data", "score.metrics=[psnr]"],
        "psnr,ssim,pixel_accuracy,patch_kid",
        "selfsup",
        data=write_sides,
        ways=({}, {"seed": 5}, {"tile": 16}),
    ),
    "cycle": Family(
        [
            *("translate/cycle", *COMMON, *CODER, *PATCH, *PIXELS, "data.sides.path=data"),
            *("game.cycle.history=4", "generator.terms.cycle.weight=5", "generator.terms.identity.weight=2.5"),
        ],
        "fid,kid",
        data=write_sides,
        ways=({"direction": "a2b"}, {"direction": "b2a"}),
    ),
    "unpaired": Family(
        [
            *("translate/unpaired", *COMMON, *CODER, *PATCH, *PIXELS, "data={pairs: {path: data, apart: true}}"),
            *(*EMBEDDING, "generator.terms.contrastive.weight=1"),
        ],
        "kid",
        data=write_sides,
        ways=({},),
    ),
    "inpaint": Family(
        [
            *("inpaint/photos", *COMMON, *UNET, *PATCH, *PIXELS, "data.images.path=data"),
            "score.metrics=[psnr]",
        ],
        "psnr,ssim",
        data=write_one_kind,
        ways=({"mask": "mask.png"},),
    ),
    "style": Family(
        [
            *("style/single", *COMMON, *CODER, *PATCH, *PIXELS, "data.pictures.count=60", "data.pictures.size=12"),
            *("data.pictures.content=data/000.png", "data.pictures.style=data/style/000.png", *EMBEDDING),
        ],
        "kid",
        data=write_two_pictures,
        ways=({},),
    ),
}


# --- what is compared


def sha(content: bytes | str) -> str:
    """A digest, marked as one."""
    return "sha256:" + hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:20]


def sha_of(value: Any) -> str:
    """The same of plain values."""
    return sha(json.dumps(value))


def sha_of_array(array: np.ndarray) -> str:
    return sha(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())


def mark() -> Seen:
    """The machine and the packages, as far as the last bits depend on them."""
    told = Path("/proc/cpuinfo").read_text().split("\n\n")[0] if Path("/proc/cpuinfo").exists() else ""
    lines = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in told.splitlines() if ":" in line)
    known = ("vendor_id", "cpu family", "model", "model name", "stepping")
    packages = ("torch", "numpy", "scipy", "scikit-learn", "pandas", "pillow", "matplotlib")
    return {
        "processor": [lines.get(name, "") for name in known] if lines else platform.processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "packages": {name: version(name) for name in packages},
    }


def shape_of(made: Any) -> list[Any]:
    """What is equal of samples everywhere."""
    if hasattr(made, "columns"):  # a data frame
        return [list(made.shape), {name: str(kind) for name, kind in made.dtypes.items()}]
    return [list(made.shape), str(made.dtype)]


def content_of(path: Path) -> tuple[Any, str]:
    """What is equal everywhere of a file that samples or pictures were written to, and a digest of what it holds."""
    if path.is_dir():
        inside = {one.name: content_of(one) for one in sorted(path.iterdir())}
        return {name: told for name, (told, _) in inside.items()}, sha_of([digest for _, digest in inside.values()])
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            held = {name: arrays[name] for name in arrays.files}
        told = {name: shape_of(array) for name, array in held.items()}
        return told, sha_of([sha_of_array(array) for array in held.values()])
    if path.suffix == ".png":
        with Image.open(path) as image:
            return [image.mode, *image.size], sha(image.tobytes())
    text = path.read_bytes().decode()
    return [text.splitlines()[0], len(text.splitlines())], sha(text)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """A file of lines without what no two trainings have in common."""
    found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [{key: value for key, value in line.items() if key not in WAYWARD | SINCE} for line in found]


def leaves(packed: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """What a checkpoint's JSON holds beside tensors, by its places."""
    ((kind, value),) = packed.items()
    if kind == "dict":
        for name, item in value:
            yield from leaves(item, f"{path}/{name}")
    elif kind != "tensor" and path not in ("/seconds", "/processor", "/spent"):
        yield f"{path} {kind}", value


def checkpoint_of(run: Path) -> Seen:
    """The newest checkpoint."""
    folder = max((run / "checkpoints").iterdir())
    tensors = load_file(folder / "state.safetensors")
    plain = dict(leaves(json.loads((folder / "state.json").read_text())["state"]))
    shapes = {name: [list(tensor.shape), str(tensor.dtype)] for name, tensor in sorted(tensors.items())}
    weights = {name: sha_of_array(tensor) for name, tensor in sorted(tensors.items())}
    digest = {"plain": sha_of(sorted(plain.items())), "tensors": weights}
    return {"everywhere": {"name": folder.name, "tensors": shapes, "plain": sorted(plain)}, "here": digest}


def trained(run: Path) -> Seen:
    """What a training left behind."""
    log, probes, scores = (lines_of(run / f"{name}.jsonl") for name in ("log", "probes", "scores"))
    saved, environment = checkpoint_of(run), json.loads((run / "environment.json").read_text())
    pictures = {path.name: content_of(path) for path in sorted((run / "samples").iterdir())}
    everywhere = {
        "files": sorted(path.name for path in run.iterdir() if not path.name.startswith(".")),
        "recipe": (run / "recipe.yaml").read_text(),
        "data": environment["data"],
        "environment": {name: sorted(held) if isinstance(held, dict) else None for name, held in environment.items()},
        "log": [list(log[0]), list(log[-1]), len(log)],
        "probes": [list(probes[-1]) if probes else [], len(probes)],
        "scores": [[line["step"], list(line["scores"])] for line in scores],
        "pictures": {name: told for name, (told, _) in pictures.items()},
        "checkpoint": saved["everywhere"],
    }
    here = {
        "first": [{name: value for name, value in line.items() if name not in AFTER} for line in log[:2]],
        "log": sha_of(log),
        "probes": sha_of(probes),
        "scores": sha_of([as_then(line) for line in scores]),
        "pictures": {name: digest for name, (_, digest) in pictures.items()},
        "checkpoint": saved["here"],
    }
    return {"everywhere": everywhere, "here": here}


def as_then(line: Seen) -> Seen:
    """A line of scores without what lines have gained since: a label, and what samples are made of."""
    scores = {}
    for name, score in line["scores"].items():
        protocol = {key: value for key, value in score["protocol"].items() if key != "made_of"}
        scores[name] = {key: value for key, value in (score | {"protocol": protocol}).items() if key != "label"}
    return line | {"scores": scores}


def page_of(path: Path) -> Seen:
    """A page's headings, and its pictures."""
    page = path.read_text()
    headings = [re.sub(r"<[^>]*>", "", text).strip() for text in re.findall(r"<h[1-6][^>]*>(.*?)</h[1-6]>", page, re.S)]
    pictures = [sha(base64.b64decode(text)) for text in re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", page)]
    everywhere = {"headings": headings, "pictures": len(pictures), "charts": page.count("<svg")}
    return {"everywhere": everywhere, "here": pictures}


# --- checks: each gives what today's code makes of the run in the current folder


def loaded(family: Family) -> Seen:
    run = sparring.load(RUN)
    nets = {"generator": run.generator, "discriminator": run.discriminator}
    weights = {
        side: {name: [list(tensor.shape), sha_of_array(tensor.numpy())] for name, tensor in net.state_dict().items()}
        for side, net in nets.items()
    }
    saved = checkpoint_of(RUN)
    everywhere = {
        "step": run.step,
        "finished": run.finished,
        "fingerprint": run.fingerprint,
        "labels": run.label_names,
        "scores": run.scores,
        "log": [len(run.log), run.log[-1]],
        "weights": weights,
        "checkpoint": [saved["everywhere"], saved["here"]],
    }
    return {"everywhere": everywhere, "here": {}}


def sampled(family: Family) -> Seen:
    ways = ({}, *family.samples)
    arrays = [sparring.sample(RUN, 16, seed=3, device="cpu", **way) for way in ways]
    counts = [sparring.sample(RUN, 16, to, 3, device="cpu") for to in family.files]
    files = [content_of(Path(to)) for to in family.files]
    texts = [made.to_csv() if hasattr(made, "columns") else None for made in arrays]
    made = [sha_of_array(array) if text is None else sha(text) for array, text in zip(arrays, texts, strict=True)]
    everywhere = {
        "arrays": [shape_of(array) for array in arrays],
        "files": [told for told, _ in files],
        "counts": counts,
    }
    return {"everywhere": everywhere, "here": {"arrays": made, "files": [digest for _, digest in files]}}


def translated(family: Family) -> Seen:
    write_inputs()
    found = []
    for place, way in enumerate(family.ways):
        folder = Path(f"translated-{place}")
        paths = sparring.translate(RUN, "inputs", folder, device="cpu", scale=1, **way)  # as it was always done then
        found.append(([path.as_posix() for path in paths], *content_of(folder)))
    everywhere = [[paths, told] for paths, told, _ in found]
    return {"everywhere": everywhere, "here": [digest for *_, digest in found]}


def scored(family: Family) -> Seen:
    found = sparring.evaluate(RUN, metrics=family.metrics, extractor=family.extractor, device="cpu")
    lines, cache = lines_of(RUN / "scores.jsonl"), Path(os.environ["SPARRING_CACHE"])
    kept = [path.relative_to(cache).as_posix() for path in cache.rglob("*") if path.is_file()]
    everywhere = {"lines": len(lines), "last": list(lines[-1]), "cache": sorted(kept)}
    for one in found["scores"].values() if family.extractor else ():  # the weights of a network that was trained
        one["protocol"]["hash"] = sha(one["protocol"]["hash"])
    return {"everywhere": everywhere, "here": {"scores": found}}


def diagnosed(family: Family) -> Seen:
    found = sparring.diagnose(RUN)
    symptoms = [[one["symptom"], one["kind"], one["remedy"], list(one)] for one in found["findings"]]
    return {"everywhere": [found["verdict"], symptoms, list(found)[:3]], "here": {"findings": found["findings"]}}


def reported(family: Family) -> Seen:
    path = sparring.report(RUN)
    found = page_of(path)
    found["everywhere"]["path"] = path.as_posix()
    return found


def explored(family: Family) -> Seen:
    found = sparring.explore(RUN, directions=2, device="cpu")
    page = page_of(Path(found["page"]))
    shares = {name: [one["share"] for one in found[name]] for name in ("sefa", "ganspace")}
    everywhere = {"keys": list(found), "layer": found["layer"], "notes": found["notes"], "page": page["everywhere"]}
    return {"everywhere": everywhere, "here": {"shares": shares, "found": sha_of(found), "page": page["here"]}}


def compared(family: Family) -> Seen:
    shutil.copytree(RUN, "other")
    return page_of(sparring.compare(RUN, "other", out="compared.html"))


def resumed(family: Family) -> Seen:
    more = sparring.load(RUN).step + 4
    sparring.train(out=RUN, for_=f"{more}steps", device="cpu", quiet=True)
    return trained(RUN)


def anew(family: Family) -> Seen:
    sparring.train(*family.words, out="anew", device="cpu", quiet=True)
    return trained(Path("anew"))


CHECKS: Mapping[str, Callable[[Family], Seen]] = {
    check.__name__: check
    for check in (loaded, sampled, translated, scored, diagnosed, reported, explored, compared, resumed, anew)
}


def checks_of(family: Family) -> list[str]:
    """The checks that a family's runs can be put to."""
    without = {"sampled", "explored", "compared"} if family.ways else {"translated"}
    return [name for name in CHECKS if name not in without]


# --- what the package shows without a run


def said(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with the package that is at hand here."""
    place = str(Path(sparring.__file__).resolve().parents[1])
    plain = os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "PYTHONPATH": place}
    return subprocess.run([sys.executable, "-m", "sparring", *words], capture_output=True, text=True, env=plain)


def verbs() -> list[str]:
    return re.findall(r"^  ([a-z]+)  ", said("--help").stdout.partition("Commands:")[2], re.M)


def planned(recipe: str) -> list[Any]:
    """What a prediction says that is no measurement."""
    found = sparring.plan(recipe, "plan=plain", *DENSE, device="cpu", seconds=0.1)
    return [list(found), list(found["plan"]), found["recipe"], found["unit"], found["steps"]]


def surface() -> Seen:
    """Names, recipes and options of the command line."""
    options = {verb: sorted(set(re.findall(r"--[a-z-]+", said(verb, "--help").stdout))) for verb in verbs()}
    return {
        "names": sorted(sparring.__all__),
        "recipes": sparring.recipes(),
        "texts": {name: sparring.recipes(name) for name in sparring.recipes()},
        "shown": {name: sparring.show(name) for name in sparring.recipes()},
        "options": options,
        "planned": {name: planned(name) for name in ("digits", "ring")},
        "refused": [said("recipes", "nothing").returncode, said("nothing").returncode],
    }


# --- making


def unpack(name: str) -> None:
    """Puts a family's run and its data into the current folder."""
    with zipfile.ZipFile(FIXTURES / f"{name}.zip") as held:
        held.extractall(members=[path for path in held.namelist() if path != EXPECTED])
    FAMILIES[name].data()


def expected(name: str) -> Seen:
    """What was found of a family's run, or of the `surface`, when it was kept; where a mistake of the code of then was
    mended since, what is found now."""
    with zipfile.ZipFile(FIXTURES / f"{name}.zip") as held:
        found = dict(json.loads(held.read(EXPECTED))) | json.loads(NEWER.read_text()).get(name, {})
    for one in json.loads(MENDED.read_text()):
        if one["of"] == name:
            put(found, one["found"])
    return found


def put(found: Seen, mended: Seen) -> None:
    """Puts in place what differs."""
    for key, value in mended.items():
        if isinstance(value, dict) and isinstance(found.get(key), dict):
            put(found[key], value)
        else:
            found[key] = value


def unlike(found: Any, wanted: Any) -> Seen:
    """What differs, to be written beside its reason into `mended.json`."""
    both = {key: (value, wanted.get(key)) for key, value in found.items() if value != wanted.get(key)}
    return {key: unlike(*two) if all(isinstance(one, dict) for one in two) else two[0] for key, two in both.items()}


def keep(name: str, found: Seen, files: Mapping[str, bytes]) -> None:
    """Writes a fixture; equal ones are equal byte by byte."""
    with zipfile.ZipFile(FIXTURES / f"{name}.zip", "w") as kept:
        for path, content in (files | {EXPECTED: json.dumps(found, indent=1).encode()}).items():
            kept.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_LZMA)


def files_of_run() -> dict[str, bytes]:
    """The run in the current folder, without its page."""
    files = sorted(path for path in RUN.rglob("*") if path.is_file())
    kept = [path for path in files if path.name != "report.html" and not path.name.startswith(".")]
    return {path.as_posix(): path.read_bytes() for path in kept}


@contextmanager
def own_folder() -> Iterator[None]:
    """A new folder as the current one, and a cache of its own in it."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ["SPARRING_CACHE"] = str(Path(folder) / "cache")
        yield


def make(name: str) -> None:
    """Trains a family's run, keeps it, and writes down what each check gives of it."""
    family = FAMILIES[name]
    with own_folder():
        family.data()
        sparring.train(*family.words, out=RUN, device="cpu", quiet=True)
        files = files_of_run()
    keep(name, {}, files)
    found: Seen = {"mark": mark()}
    for check in checks_of(family):
        with own_folder():
            unpack(name)
            found[check] = CHECKS[check](family)
    keep(name, found, files)


def again(name: str, check: str) -> None:
    """Writes down what one check gives of a family's run by the code of today."""
    with own_folder():
        unpack(name)
        found = CHECKS[check](FAMILIES[name])
    kept = json.loads(NEWER.read_text())
    kept[name] = kept.get(name, {}) | {check: found}
    NEWER.write_text(json.dumps(kept, indent=1) + "\n")


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    if names[:1] == ["again"]:
        again(*names[1:])
        return
    FIXTURES.mkdir(exist_ok=True)
    for name in names or [*FAMILIES, "surface"]:
        print(name, flush=True)
        if name in FAMILIES:
            make(name)
            continue
        with own_folder():
            keep("surface", surface(), {})


if __name__ == "__main__":
    main(sys.argv[1:])
