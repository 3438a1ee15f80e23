"""Bad input: exit status 2, one line that names the key or file, the value and the nearest valid choice; nothing is
written, nothing is lost. All through the command line."""

from __future__ import annotations

import errno
import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import sparring
from sparring import cli
from sparring.base import state
from sparring.base.rundir import RunDir
from tests.conftest import small_fields, write_images

Result = tuple[int, str, str]


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Result]:
    """Runs the command line in the test's folder: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["sparring", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refused(result: Result, *told: str) -> None:
    """Exit status 2, and the last line of standard error says what is wrong; no traceback."""
    status, _, err = result
    assert status == 2, err
    assert "Traceback" not in err
    line = err.strip().splitlines()[-1]
    assert line.startswith("sparring: ")
    for part in told:
        assert part in line, line


def recipe(folder: Path, **changes: object) -> Path:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(small_fields(**changes)))
    return path


def pictures(folder: Path, count: int = 40, **more: object) -> Path:
    return write_images(folder / "pictures", count, **more)  # type: ignore[arg-type]


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def no_such_path(folder: Path) -> Path:
    pictures(folder)
    return folder / "picture"


def empty_folder(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def without_images(folder: Path) -> Path:
    (folder / "docs").mkdir()
    (folder / "docs" / "a.pdf").write_text("x")
    return folder / "docs"


def truncated(folder: Path) -> Path:
    path = pictures(folder)
    content = (path / "007.png").read_bytes()
    (path / "007.png").write_bytes(content[: len(content) // 2])
    return path


def truncated_jpeg(folder: Path) -> Path:
    path = pictures(folder)
    Image.effect_noise((60, 60), 90).convert("RGB").save(folder / "whole.jpg")
    content = (folder / "whole.jpg").read_bytes()
    (path / "cut.jpg").write_bytes(content[: len(content) // 2])
    return path


def mislabelled(folder: Path) -> Path:
    path = pictures(folder)
    Image.new("RGB", (12, 12)).save(path / "photo.png", "JPEG")
    return path


def text_named_png(folder: Path) -> Path:
    path = pictures(folder)
    (path / "notes.png").write_text("buy milk")
    return path


def empty_image(folder: Path) -> Path:
    path = pictures(folder)
    (path / "none.png").write_bytes(b"")
    return path


def mixed_channels(folder: Path) -> Path:
    write_images(folder / "pictures", 5, mode="L", name="grey{:03d}.png")
    return pictures(folder)


def mixed_depths(folder: Path) -> Path:
    path = write_images(folder / "pictures", 20, mode="L")
    Image.fromarray(np.full((12, 12), 40000, np.uint16)).save(path / "deep.png")
    return path


def one_image(folder: Path) -> Path:
    return pictures(folder, 1)


def all_the_same(folder: Path) -> Path:
    path = folder / "same"
    path.mkdir()
    for number in range(30):
        Image.new("RGB", (8, 8), "red").save(path / f"{number}.png")
    return path


def bomb(folder: Path) -> Path:
    """A valid head that promises 60,000 x 60,000 pixels."""
    path = pictures(folder)
    buffer = io.BytesIO()
    Image.new("1", (8, 8)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (path / "bomb.png").write_bytes(content)
    return path


def zip_with(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with zipfile.ZipFile(folder / "set.zip", "w") as archive:
            archive.writestr(name, b"x")
        return folder / "set.zip"

    return make


def zip_bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.png", b"\0" * 60_000_000)
    return folder / "set.zip"


def not_a_zip(folder: Path) -> Path:
    (folder / "set.zip").write_bytes(b"PK but no")
    return folder / "set.zip"


def npz(**arrays: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "set.npz", **arrays)  # type: ignore[arg-type]
        return folder / "set.npz"

    return make


def cut_npz(folder: Path) -> Path:
    path = npz(images=np.zeros((50, 8, 8), np.uint8))(folder)
    path.write_bytes(path.read_bytes()[:500])
    return path


def short_idx(folder: Path) -> Path:
    content = idx(np.zeros((30, 8, 8), np.uint8))
    (folder / "x-images-idx3-ubyte.gz").write_bytes(gzip.compress(content[:-50]))
    return folder / "x-images-idx3-ubyte.gz"


def not_idx(folder: Path) -> Path:
    (folder / "x-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"hello"))
    return folder / "x-images-idx3-ubyte.gz"


def cut_gzip(folder: Path) -> Path:
    content = gzip.compress(idx(np.random.default_rng(0).integers(0, 256, (30, 8, 8), dtype=np.uint8)))
    (folder / "x-images-idx3-ubyte.gz").write_bytes(content[:-300])
    return folder / "x-images-idx3-ubyte.gz"


def idx_labels_that_do_not_match(folder: Path) -> Path:
    (folder / "x-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros((30, 8, 8), np.uint8))))
    (folder / "x-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(29, np.uint8))))
    return folder / "x-images-idx3-ubyte.gz"


def short_cifar(folder: Path) -> Path:
    (folder / "data_batch_1.bin").write_bytes(b"\0" * 5000)
    return folder / "data_batch_1.bin"


def other_file(folder: Path) -> Path:
    (folder / "table.xyz").write_text("x")
    return folder / "table.xyz"


IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
BAD_DATA: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "no such path": (no_such_path, ["no such file", "did you mean 'pictures'?"]),
    "empty folder": (empty_folder, ["empty: empty", "wanted .png"]),
    "folder without images": (without_images, ["1 files, none of them an image"]),
    "truncated png": (truncated, ["007.png: ", "data.images.strict=false"]),
    "truncated jpeg": (truncated_jpeg, ["cut.jpg: ", "truncated"]),
    "mislabelled image": (mislabelled, ["photo.png: a JPEG by its content, not a PNG"]),
    "text named .png": (text_named_png, ["notes.png: not an image"]),
    "file of no bytes": (empty_image, ["none.png: not an image"]),
    "mixed channels": (
        mixed_channels,
        ["data.images.channels: the images are mixed, RGB (40), grey (5)", "channels=3"],
    ),
    "mixed depths": (mixed_depths, ["8 and of 16 bits are mixed"]),
    "one image": (one_image, ["1 sample in pictures; a GAN needs at least 2"]),
    "one image many times": (all_the_same, ["30 samples, all the same"]),
    "decompression bomb": (bomb, ["bomb.png: ", "decompression bomb?"]),
    "zip with an absolute path": (zip_with("/etc/x.png"), ["leads out of it, '/etc/x.png'"]),
    "zip with ..": (zip_with("a/../../x.png"), ["leads out of it, 'a/../../x.png'"]),
    "zip bomb": (zip_bomb, ["'big.png' unpacks to 60,000,000 bytes", "bomb"]),
    "zip that is none": (not_a_zip, ["set.zip: not a readable zip"]),
    "npz with pickled objects": (
        npz(images=np.array([{"a": 1}], dtype=object)),
        ["pickled objects, which are never loaded"],
    ),
    "npz cut short": (cut_npz, ["set.npz: not a readable .npz"]),
    "npz of another shape": (npz(images=IMAGES[0]), ["has the shape [8, 8]; images are [n, height, width, channels]"]),
    "npz without arrays": (npz(), ["holds no array"]),
    "npz of texts": (npz(images=np.full((30, 8, 8), "a")), ["images are uint8, uint16 or floats"]),
    "labels that do not match": (
        npz(images=IMAGES, labels=np.arange(39)),
        ["array 'labels': has the shape [39] for 40"],
    ),
    "labels that are fractions": (npz(images=IMAGES, labels=np.arange(40) / 3), ["holds fractions"]),
    "NaN in the data": (npz(images=np.where(IMAGES == 7, np.nan, IMAGES)), ["values are not finite (NaN"]),
    "negative integers": (npz(images=IMAGES.astype(int) - 9), ["values from -9 to 246; integers are 0 to 65,535"]),
    "idx cut short": (short_idx, ["promises 1,920 bytes, and it holds only 1,870"]),
    "idx that is none": (not_idx, ["not an idx file"]),
    "gzip cut short": (cut_gzip, ["x-images-idx3-ubyte.gz: cannot be read"]),
    "idx labels that do not match": (idx_labels_that_do_not_match, ["29 labels for the 30 images"]),
    "cifar cut short": (short_cifar, ["5,000 bytes are not whole CIFAR-10 records"]),
    "a file of another kind": (other_file, ["not a folder, .zip, .npz, idx .gz or CIFAR .bin"]),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data(case: str, command: Callable[..., Result], tmp_path: Path) -> None:
    make, told = BAD_DATA[case]
    data = make(tmp_path)
    before = tree(tmp_path)
    refused(command("train", "--data", data.name, "--out", "run", "batch=8"), *told)
    assert tree(tmp_path) == before
    assert not (tmp_path / "run").exists()


BAD_REQUESTS: dict[str, tuple[list[str], list[str]]] = {
    "unknown recipe": (["digitz"], ["'digitz' is not in the zoo", "did you mean 'digits'?"]),
    "unknown verb": ([], []),
    "unknown key": (["digits", "batc=3"], ["unknown key 'batc'; did you mean 'batch'?"]),
    "unknown key deep down": (
        ["digits", "generator.net.dense.width=[3]"],
        ["generator.net.dense: unknown key 'width'; did you mean 'widths'?"],
    ),
    "unknown choice": (["digits", "objective=hing"], ["objective: unknown choice 'hing'; did you mean 'hinge'?"]),
    "unknown term": (["digits", "discriminator.terms.r3.weight=1"], ["unknown name 'r3'"]),
    "wrong type": (["digits", "batch=many"], ["batch: ", "integer", "'many'"]),
    "wrong type in a list": (["digits", "generator.net.dense.widths=[a]"], ["generator.net.dense.widths.0: ", "'a'"]),
    "not key=value": (["digits", "batch"], ["'batch' is not key=value"]),
    "not YAML": (["digits", "generator.net={dense: [}"], ["generator.net: line 1"]),
    "rate of one": (["digits", "discriminator.surgery.dropout.rate=1"], ["rate 1 is not in [0, 1)"]),
    "rate below zero": (["digits", "generator.surgery.dropout.rate=-0.1"], ["rate -0.1 is not in [0, 1)"]),
    "keep probability": (["digits", "generator.surgery.dropout.keep=0.9"], ["dropout takes 'rate', the probability to drop"]),
    "not a number": (["digits", "generator.optimiser.adam.lr=.nan"], ["lr"]),
    "batch of one": (["digits", "batch=1"], ["batch: ", "greater than or equal to 2"]),
    "batch larger than the data": (["digits", "batch=4096"], ["batch: 4096 is more than the 1617", "try batch=1024"]),
    "microbatch larger than batch": (["digits", "microbatch=129"], ["microbatch: 129 is more than batch, 128"]),
    "both at once, one of them twice": (
        ["digits", "update=simultaneous", "discriminator.moves=2"],
        ["discriminator.moves: with update=simultaneous each player moves once a step; say 1"],
    ),
    "both at once, on noise images": (
        ["digits", "update=simultaneous", "game.from_noise.noise_images=0.5"],
        ["noise_images: the generator would learn from them; say update=alternating"],
    ),
    "no such update": (["digits", "update=simultanous"], ["update: ", "'alternating'", "'simultaneous'"]),
    "no such plan": (["digits", "plan=fast"], ["plan: ", "'auto'", "'plain'"]),
    "size the network cannot make": (
        ["digits", "generator.net={resnet: {levels: 5}}"],
        ["net.resnet.levels: 5 halvings take images of 8 x 8 under 4 pixels; at most 1"],
    ),
    "network for points asked for images": (
        ["digits", "data=ring", "generator.net=resnet"],
        ["net.resnet: makes images, and the data are points"],
    ),
    "labels where there are none": (
        ["digits", "data={images: {path: pictures}}", "batch=8", "game.from_noise.labels=projection"],
        ["labels: projection, and pictures has no labels"],
    ),
    "output of another range": (
        ["digits", "generator.net.dense.output=sigmoid"],
        ["output: sigmoid makes values in [0, 1], the data's are in [-1, 1]; set its range=unit"],
    ),
    "term of the other player": (["digits", "generator.terms.r1.weight=1"], ["generator.terms.r1: belongs to the discriminator"]),
    "consistency without dropout": (
        ["digits", "discriminator.terms.consistency.weight=1"],
        ["needs a discriminator that draws"],
    ),
    "surgery without a place": (
        ["digits", "discriminator.surgery.dropout.where=conv*"],
        ["no hidden layer is named 'conv*'"],
    ),
    "augmentation of points": (["digits", "data=ring", "augment.ada.blit=true"], ["augment.ada: works on images"]),
    "device that is not there": (["digits", "--device", "cuda"], ["device: cuda is not on this machine; there is cpu"]),
    "device of no kind": (["digits", "--device", "gpu"], ["device: 'gpu' is none of auto, cpu, cuda, mps"]),
    "budget of no kind": (["digits", "--for", "10 apples"], ["'10 apples' is no budget; write 90s, 10m"]),
    "tracker without its package": (["digits", "tracker=mlflow"], ["tracker: mlflow needs", "sparring[trackers]"]),
    "start from no run": (["digits", "--from", "nowhere"], ["nowhere: no such run"]),
    "out that cannot be written": (["digits", "--out", "/proc/sparring/run"], ["out: /proc/sparring/run cannot be written"]),
    "out that is a file": (["digits", "--out", "small.yaml"], ["small.yaml is a file"]),
    "out with other files": (["digits", "--out", "pictures"], ["pictures holds other files and no run"]),
    "unknown option": (["digits", "--sed", "3"], ["No such option", "--sed"]),
    "recipe file that is not there": (["mine.yaml"], ["no such file: mine.yaml"]),
    "recipe file that is no mapping": (["list.yaml"], ["list.yaml: not a recipe"]),
    "key given twice": (["twice.yaml"], ["twice.yaml: line", "'batch' is given twice"]),
    "adaptive without held-out data": (
        ["digits", "data.digits.held_out=0", "discriminator.surgery.dropout.rate={adaptive: {}}"],
        ["needs held-out data with the objective relativistic"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_bad_requests(case: str, command: Callable[..., Result], tmp_path: Path) -> None:
    words, told = BAD_REQUESTS[case]
    if case.startswith("tracker"):
        pytest.importorskip("lightning_fabric")
        if __import__("importlib.util").util.find_spec("mlflow"):
            pytest.skip("mlflow is installed")
    recipe(tmp_path)
    pictures(tmp_path)
    (tmp_path / "list.yaml").write_text("[1, 2]")
    (tmp_path / "twice.yaml").write_text("data: digits\nbatch: 3\nbatch: 4\n")
    before = tree(tmp_path)
    result = command("trian", *words) if case == "unknown verb" else command("train", *words, "steps=1")
    refused(result, *told)
    assert tree(tmp_path) == before
    assert not (tmp_path / "runs").exists()


def trained(folder: Path, **changes: object) -> Path:
    return sparring.train(str(recipe(folder, **changes)), out=folder / "run", quiet=True).path


def test_out_directory_of_another_recipe(command: Callable[..., Result], tmp_path: Path) -> None:
    run = trained(tmp_path)
    before = tree(run)
    refused(command("train", "digits", "--out", "run"), "holds a run of the recipe small, not digits")
    refused(command("train", "small.yaml", "batch=8", "--out", "run"), "holds a run with batch=16, not 8")
    assert tree(run) == before


def test_resume_with_other_data(command: Callable[..., Result], tmp_path: Path) -> None:
    path = pictures(tmp_path)
    run = trained(tmp_path, data={"images": {"path": str(path)}})
    (path / "000.png").unlink()
    before = tree(run)
    refused(command("train", "--out", "run", "--for", "99steps"), "trained on other data (fingerprint")
    assert tree(run) == before


@pytest.mark.parametrize("verb", [["train", "--for", "30steps", "--out"], ["sample", "--to", "x.npz"], ["evaluate"]])
def test_checkpoint_cut_short(verb: list[str], command: Callable[..., Result], tmp_path: Path) -> None:
    run = RunDir(trained(tmp_path, save_every=6))
    newest = run.checkpoint(run.saved_steps()[-1]) / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-40])
    before = tree(run.path)
    refused(command(*verb, "run"), "step-0000012: damaged", "remove it to go on from step 6")
    assert tree(run.path) == before
    assert not (tmp_path / "x.npz").exists()


def test_disk_full_while_checkpointing(
    command: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = state.save_file, []

    def full(tensors: object, path: Path) -> None:
        calls.append(path)
        if len(calls) > 2:
            path.write_bytes(b"as far as it went")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(tensors, path)  # type: ignore[arg-type]

    monkeypatch.setattr(state, "save_file", full)
    name = recipe(tmp_path, save_every=5).name
    refused(command("train", name, "--out", "run"), "cannot be saved (No space left on device)", "intact at step 5")
    monkeypatch.setattr(state, "save_file", real)
    assert RunDir(tmp_path / "run").saved_steps() == [0, 5]
    assert not list((tmp_path / "run").rglob(".part-*"))
    assert command("train", "--out", "run")[0] == 0
    assert sparring.load(tmp_path / "run").step == 12


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk")
    try:
        path = recipe(tmp_path, save_every=2, steps=60, keep=50)
        ended = subprocess.run(
            [sys.executable, "-m", "sparring", "train", str(path), "--out", str(disk / "run")],
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 2, ended.stderr
        assert "No space left on device" in ended.stderr.strip().splitlines()[-1]
        assert "Traceback" not in ended.stderr
        run = RunDir(disk / "run")
        assert run.load(run.saved_steps()[-1])["step"] > 0
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_run_in_use(command: Callable[..., Result], tmp_path: Path) -> None:
    run = RunDir(trained(tmp_path))
    with run.owned():
        refused(command("train", "--out", "run", "--for", "40steps"), "in use by another process")


BAD_VERBS: dict[str, tuple[list[str], list[str]]] = {
    "sample of no run": (["sample", "rum", "--to", "x.npz"], ["rum: no such run; did you mean 'run'?"]),
    "sample to another ending": (["sample", "run", "--to", "x.jpg"], ["x.jpg ends in none of a folder, .npz, .png"]),
    "sample none": (["sample", "run", "--to", "x.npz", "--count", "0"], ["count: 0"]),
    "sample a label of none": (["sample", "run", "--to", "x.npz", "--label", "3"], ["trained without labels"]),
    "sample to a place that is none": (["sample", "run", "--to", "/proc/x/y.npz"], ["/proc/x/y.npz cannot be written"]),
    "evaluate by an unknown score": (["evaluate", "run", "--metrics", "fdi"], ["metrics: unknown metric 'fdi'; did you mean 'fid'?"]),
    "evaluate by an unknown extractor": (["evaluate", "run", "--extractor", "incep"], ["score.extractor", "'inception'"]),
    "evaluate without probabilities": (["evaluate", "run", "--metrics", "is"], ["'is' needs class probabilities"]),
    "evaluate on data of another shape": (["evaluate", "run", "--data", "ring"], ["data: ", "the run makes [1, 8, 8]"]),
    "compare one": (["compare", "run"], ["name two or more"]),
    "compare with none": (["compare", "run", "pictures"], ["pictures: not a run directory"]),
    "compare to another ending": (["compare", "run", "run", "--out", "x.pdf"], ["does not end in .html"]),
    "show of nothing": (["show", "image/smal"], ["did you mean 'image/small'?"]),
    "plan of nothing": (["plan", "digits", "stepz=3"], ["did you mean 'steps'?"]),
    "report of nothing": (["report", "."], ["not a run directory; runs in it: run"]),
    "recipe of nothing": (["recipes", "rings"], ["did you mean 'ring'?"]),
    "recipe without data": (["train", "image/small"], ["data: ", "--data"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("finished"))


@pytest.mark.parametrize("case", BAD_VERBS)
def test_bad_words_to_other_verbs(
    case: str, command: Callable[..., Result], tmp_path: Path, finished_run: Path
) -> None:
    words, told = BAD_VERBS[case]
    (tmp_path / "run").symlink_to(finished_run)
    pictures(tmp_path)
    before = tree(finished_run)
    refused(command(*words), *told)
    assert tree(finished_run) == before
    assert {p.name for p in tmp_path.iterdir()} == {"run", "pictures"}


def test_there_are_enough_cases() -> None:
    assert len(BAD_DATA) + len(BAD_REQUESTS) + len(BAD_VERBS) >= 40
