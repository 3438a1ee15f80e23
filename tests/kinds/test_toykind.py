"""A kind of data of somebody else's package (`tests/toykind`), found by its entry point, through every verb; and what
is said where packages do not go together."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import sparring
from sparring import cli, kinds
from sparring.base.errors import RequestError
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.kinds.studio import Studio
from sparring.pages import glossary
from sparring.runs.run import Run
from tests.pages.samples import read
from tests.runs.test_training import assert_same_state, final_state

TOY = Path(__file__).parents[1] / "toykind"
SCALE = ("C", "D", "E", "F", "G", "A", "B", "c", "d", "e", "f", "g", "a", "b")
CHROMATIC = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
WORDS = (
    *("steps=160", "recipe_steps=160", "batch=32", "ema.half_life=1000", "plan=plain"),
    *("generator.net.tune.width=16", "generator.optimiser.adam.lr=4e-3"),
    *("discriminator.net.dense.widths=[32]", "discriminator.optimiser.adam.lr=4e-3"),
)
"""A training of a second or two."""


@contextmanager
def installed(*folders: Path) -> Iterator[None]:
    """As if what lies in these folders were installed; nothing is left of it after."""
    path, modules, meanings = list(sys.path), set(sys.modules), dict(glossary.KNOWN)
    sys.path[:0] = [str(folder) for folder in folders]
    forget()
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if name.startswith("sparring_"):
                del sys.modules[name]
        glossary.KNOWN.clear()
        glossary.KNOWN.update(meanings)
        forget()


def forget() -> None:
    """Empties every cache of what kinds there are."""
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name == "sparring.kinds" or name.startswith("sparring.kinds.")]:
        for found in vars(sys.modules[name]).values():
            if isinstance(found, functools._lru_cache_wrapper):
                found.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[None]:
    with installed(TOY):
        yield


def songs(path: Path, count: int = 160, seed: int = 0) -> Path:
    """Walks over a scale; one in ten leaves it."""
    source, lines = random.Random(seed), ["X:1", "K:C"]
    for number in range(count):
        place, notes = source.randrange(len(SCALE)), []
        for _ in range(source.randint(4, 10)):
            notes.append("z" if source.random() < 0.1 else SCALE[place])
            place = min(max(place + source.choice((-2, -1, 0, 1, 2)), 0), len(SCALE) - 1)
        notes[1:1] = ["^C", "^D", "C"] if number % 10 == 0 else []
        lines.append(" ".join(notes[:4]) + " | " + " ".join(notes[4:]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return songs(tmp_path_factory.mktemp("songs") / "songs.abc")


@pytest.fixture(scope="module")
def run(data: Path) -> Run:
    """Chosen by the data alone."""
    words = [*WORDS, "sample_every=40"]
    return sparring.train(*words, data=data, out=data.parent / "run", quiet=True)


def command(*words: object, packages: Path = TOY) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, beside these packages."""
    return subprocess.run(
        [sys.executable, "-m", "sparring", *map(str, words)],
        capture_output=True,
        text=True,
        env=beside(packages),
        timeout=120,
    )


def beside(packages: Path) -> dict[str, str]:
    path = os.pathsep.join((str(packages), *filter(None, [os.environ.get("PYTHONPATH")])))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process: exit status, standard output, standard error."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sparring", *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0), *capfd.readouterr()

    return run


def test_it_is_small() -> None:
    files = list(TOY.rglob("*.py"))
    assert len(files) == 5
    assert sum(len(file.read_text().splitlines()) for file in files) <= 250


def test_nothing_of_the_package_names_it() -> None:
    source = Path(sparring.__file__).parent
    for file in (*source.rglob("*.py"), *source.rglob("*.html"), *source.rglob("*.yaml")):
        assert "sparring_melodies" not in file.read_text()


def test_the_page_on_kinds_shows_what_it_says() -> None:
    page = (TOY.parents[1] / "docs" / "kinds.md").read_text()
    source = {line for file in TOY.rglob("*.py") for line in file.read_text().splitlines()}
    shown = [line for block in re.findall(r"```python\n(.*?)```", page, re.S) for line in block.splitlines()]
    assert len(shown) > 80
    assert [line for line in shown if line not in source] == []
    toml = re.findall(r"```toml\n(.*?)```", page, re.S)
    assert toml
    assert all(block in (TOY / "pyproject.toml").read_text() for block in toml)


def test_its_two_entry_points_are_one() -> None:
    """What its project file says, and what an installation of it would leave."""
    told = tomllib.loads((TOY / "pyproject.toml").read_text())["project"]
    (dist,) = TOY.glob("*.dist-info")
    assert told["entry-points"]["sparring.kinds"] == {"melodies": "sparring_melodies"}
    assert (dist / "entry_points.txt").read_text() == "[sparring.kinds]\nmelodies = sparring_melodies\n"
    assert f"Name: {told['name']}\nVersion: {told['version']}\n" in (dist / "METADATA").read_text()


# --- train


def test_its_recipe_is_chosen_for_its_data_and_trains(run: Run) -> None:
    assert run.finished
    assert run.recipe.name == "melodies"
    assert run.kind.name == "melodies"
    assert (run.kind.unit, run.codec.shape) == ("melodies", (16, 26))
    assert set(run.scores) == {"fid", "in_key"}
    assert [file.name for file in sorted(run.dir.samples.iterdir())] == [
        f"step-{step:07d}.abc" for step in (40, 80, 120, 160)
    ]
    (found,) = [line for line in run.environment["data"]["found"] if "songs.abc" in line]
    assert found.endswith("songs.abc: melodies: 160 samples")
    readings = [line for line in read_lines(run.dir.probes) if "repeated" in line]
    assert all(0 <= line["repeated"] < 1 for line in readings)
    assert readings


def test_killed_it_ends_with_the_weights_of_a_run_never_killed(run: Run, data: Path, tmp_path: Path) -> None:
    killed = RunDir(tmp_path / "killed")
    words = [*WORDS, "sample_every=40", "save_every=10"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sparring", "train", *words, "--data", str(data), "--out", str(killed.path)],
        stderr=subprocess.DEVNULL,
        env=beside(TOY),
    )
    while process.poll() is None and not (killed.path.exists() and killed.saved_steps()[-1:] >= [30]):
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 30 <= killed.saved_steps()[-1] < 160
    rest = sparring.train(out=killed.path, quiet=True)
    assert_same_state(final_state(run.path), final_state(rest.path))


def test_what_is_wrong_with_its_data_or_its_options_is_one_line(tmp_path: Path) -> None:
    cases: list[tuple[str, list[str], str]] = [
        ("C D E\nC H E", [], r"bad\.abc:2: 'H' is no note; known: C \^C D"),
        ("X:1\n\n", [], "0 samples, all the same"),
        ("C D E\nC C E", ["data.melodies.lenght=8"], "unknown key 'lenght'; did you mean 'length'"),
        ("C D E\nC C E", ["generator.net.tune.width=0"], "width: input should be greater than or equal to 1"),
        ("C D E\nC C E", ["generator.net=dcgan"], r"values in \[-1, 1\], the data's are in \[0, 1\]; say sigmoid"),
        ("C D E\nC C E", ["augment.ada.blit=true"], "augment.ada: works on images, and bad is melodies"),
        ("C D E\nC C E", ["net=tun"], "unknown key 'net'"),
        ("C D E\nC C E", ["generator.net=tun"], "did you mean 'tune'"),
    ]
    for text, words, told in cases:
        (tmp_path / "bad.abc").write_text(text)
        with pytest.raises(RequestError, match=told):
            sparring.train(*words, "batch=2", data=tmp_path / "bad.abc", out=tmp_path / "run", quiet=True)
    with pytest.raises(RequestError, match="no such file"):
        sparring.train(data=tmp_path / "nowhere.abc", quiet=True)
    assert not (tmp_path / "run").exists()


def test_it_takes_the_networks_of_the_core_too(data: Path, tmp_path: Path) -> None:
    words = ["steps=3", "score.metrics=[]", "generator.net.dense.output=sigmoid", "discriminator.net.tune.width=4"]
    run = sparring.train("melodies", *words, data=data, out=tmp_path / "run", quiet=True)
    assert len(run.sample(3)) == 3
    for net, words in (
        ("generator", ["generator.net.dcgan.output=sigmoid"]),
        ("discriminator", ["discriminator.net=patch"]),
    ):
        with pytest.raises(RequestError, match=rf"{net}|net.dcgan.*samples of shape \[16, 26\]; use net=dense"):
            sparring.train("melodies", *words, "steps=3", data=data, out=tmp_path / net, quiet=True)


# --- sample


def test_samples_are_lines_of_notes(run: Run, tmp_path: Path) -> None:
    from sparring_melodies.data import Melodies

    lines = sparring.sample(run, 20)
    assert len(lines) == 20
    assert {note for line in lines for note in line.split()} <= set(SCALE) | {"z"} | {f"^{note}" for note in SCALE}
    assert lines == run.sample(20)
    assert lines[:5] == sparring.sample(run.path, 5)
    assert lines != sparring.sample(run, 20, seed=1)
    for ending in (".txt", ".abc"):
        assert sparring.sample(run, 20, to=tmp_path / "new" / f"made{ending}") == 1
        assert (tmp_path / "new" / f"made{ending}").read_text().splitlines() == lines
    again = Melodies(path=str(tmp_path / "new" / "made.abc"), held_out=0).load()
    assert again.samples.tolist() == [sample for sample in run.draw(20).samples.tolist() if sample[0] != 25]
    with pytest.raises(RequestError, match=r"to: .*made\.png ends in none of \.abc, \.txt"):
        sparring.sample(run, 2, to=tmp_path / "made.png")
    with pytest.raises(RequestError, match="where: is for tables; .* makes melodies"):
        sparring.sample(run, 2, where="note=C")


def test_an_option_of_its_own_is_taken(run: Run) -> None:
    plain, moved, back = (sparring.sample(run, 30, transpose=by) for by in (0, 2, 24))
    assert plain == back == sparring.sample(run, 30)
    notes = [note for letter in (str.upper, str.lower) for note in map(letter, CHROMATIC)]
    up = dict(zip(notes, notes[2:] + notes[:2], strict=True)) | {"z": "z"}
    assert moved == [" ".join(up[note] for note in line.split()) for line in plain]
    for options, told in (
        ({"transpose": "x"}, "transpose: input should be a valid integer"),
        ({"transpos": 2}, "transpos: sample of melodies has no such option; did you mean 'transpose'?"),
        ({"cuont": 2}, "cuont: sample of melodies has no such option; did you mean 'count'?"),
    ):
        with pytest.raises(RequestError, match=told.replace("?", r"\?")):
            sparring.sample(run, 2, **options)


def test_the_command_line_takes_it_too(run: Run, tmp_path: Path) -> None:
    to = tmp_path / "made.txt"
    ended = command("sample", "--transpose", "-3", run.path, "--count=4", "--to", to)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", f"{to}: 4 samples in 1 file\n")
    assert to.read_text().splitlines() == sparring.sample(run, 4, transpose=-3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--transpos", "2"], "transpos: sample of melodies has no such option; did you mean 'transpose'?"),
        (["--cuont=3"], "cuont: sample of melodies has no such option; did you mean 'count'?"),
        (["--transpose", "up"], "transpose: input should be a valid integer, unable to parse"),
        (["--transpose"], "transpose: input should be a valid integer, unable to parse"),
        (["--octave", "1"], "octave: sample of melodies has no such option; known: balance, count, device, label,"),
        (["--run", "x"], "run: sample of melodies has no such option"),
        (["-t", "x"], "No such option: -t"),
    ],
)
def test_a_wrong_option_is_one_line(
    words: list[str], told: str, run: Run, tmp_path: Path, said: Callable[..., tuple[int, str, str]]
) -> None:
    status, out, err = said("sample", run.path, *words, "--to", tmp_path / "made.txt")
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith(f"sparring: {told}")
    assert list(tmp_path.iterdir()) == []


def test_what_it_cannot_do_it_refuses(run: Run, data: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="makes samples from noise; sparring sample"):
        sparring.translate(run, data, tmp_path / "out.abc")
    with pytest.raises(RequestError, match="mak: translate of melodies has no such option; did you mean 'mask'"):
        sparring.translate(run, data, tmp_path / "out.abc", mak=1)
    with pytest.raises(RequestError, match="data: .*abc: augment takes a table, or images with labels"):
        sparring.augment(data=data, target="key", out=tmp_path / "augmented")


# --- evaluate, diagnose


def test_its_metric_is_scored_by_default(run: Run, tmp_path: Path) -> None:
    scores = sparring.evaluate(run)["scores"]
    assert list(scores) == ["fid", "in_key"]
    low, high = scores["in_key"]["interval"]
    assert 0 <= low <= scores["in_key"]["value"] <= high <= 1
    assert 0.8 < scores["in_key"]["protocol"]["real_value"] < 1
    assert scores["in_key"]["protocol"]["extractor"] == "pixels"
    other = sparring.evaluate(run, data=songs(tmp_path / "other.abc", seed=1), metrics="in_key")
    assert list(other["scores"]) == ["in_key"]
    assert other["scores"]["in_key"]["protocol"]["data"] == "other"
    with pytest.raises(RequestError, match="inception takes images, and songs is melodies; take pixels"):
        sparring.evaluate(run, extractor="inception")
    with pytest.raises(RequestError, match="did you mean 'in_key'"):
        sparring.evaluate(run, metrics="in_kei")


def test_its_sign_is_found_in_a_sick_run(run: Run, tmp_path: Path, said: Callable[..., tuple[int, str, str]]) -> None:
    assert "repeated_melodies" not in {one["symptom"] for one in sparring.diagnose(run)["findings"]}
    sick = tmp_path / "sick"
    sick.mkdir()
    (sick / "recipe.yaml").write_text(run.dir.recipe.read_text())
    lines = [{"step": step, "repeated": value} for step, value in ((50, 0.1), (100, 0.7), (140, 0.8), (150, 0.9))]
    (sick / "probes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (finding,) = [one for one in sparring.diagnose(sick)["findings"] if one["symptom"] == "repeated_melodies"]
    assert (finding["kind"], finding["since_step"]) == ("illness", 100)
    assert finding["evidence"] == {"repeated": 0.9, "limit": 0.5}
    assert finding["remedy"] == ["discriminator.terms.r1.weight=1"]
    status, out, _ = said("diagnose", sick)
    assert (status, out.splitlines()[0]) == (0, "sick: repeated melodies")
    assert "the same melodies come again and again" in out


def test_its_sign_is_told_while_a_run_trains(data: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A generator whose learning rate is 0 and whose latents hardly differ."""
    words = [
        *WORDS,
        "steps=250",
        "recipe_steps=250",
        "generator.optimiser.adam.lr=0",
        "game.from_noise.latent.truncated={size: 4, at: 0.001}",
    ]
    run = sparring.train("melodies", *words, "score.metrics=[]", data=data, out=tmp_path / "run")
    assert "repeated melodies since step 50" in capfd.readouterr().err
    opened = [line for line in read_lines(run.dir.findings) if line["symptom"] == "repeated_melodies"]
    assert [line["event"] for line in opened] == ["opened"]
    assert "repeated_melodies" in {one["symptom"] for one in sparring.diagnose(run)["findings"]}
    tree = read(sparring.report(run).read_text())
    assert "The same melodies come again and again." in tree.one("section", id="findings").text


# --- report, compare, explore, demo


def test_a_report_shows_its_lines(run: Run) -> None:
    tree = read(sparring.report(run).read_text())
    assert run.sample(1)[0] in tree.one("section", id="samples").text
    film = tree.one("section", id="time")
    first = (run.dir.samples / "step-0000040.abc").read_text().splitlines()[0]
    assert first in film.text
    assert [one.text for one in film.all("figcaption")] == [f"step {step}" for step in (40, 80, 120, 160)]
    learned = tree.one("section", id="learned").text
    assert "what is marked makes a sample’s logit higher, towards real, than that of the mean melody." in learned
    assert "Samples whose latents move along a direction" in learned
    assert tree.one("section", id="learned").all("b")
    near = tree.one("section", id="neighbours")
    assert near.one("h2").text == "Nearest training melodies"
    assert near.all("pre")[1].attributes["aria-label"] == "Training melody 1 of those nearest to sample 1"
    assert "learned more than single melodies" in tree.one("section", id="between").text
    assert "Share of melodies whose notes all belong to one major key." in tree.one("section", id="scores").text
    assert "sparring sample run --count 64 --to samples.abc" in tree.one("section", id="use").text
    assert "melodies/s" in tree.text
    assert "image" not in "".join(
        one.text for one in tree.all("section") if one.attributes["id"] not in ("curves", "recipe")
    )


def test_runs_are_compared(run: Run, tmp_path: Path) -> None:
    tree = read(sparring.compare(run, run, out=tmp_path / "both.html").read_text())
    assert "in_key" in tree.text
    assert "melodies/s" in tree.text


def test_what_it_learned_is_explored(run: Run) -> None:
    found = sparring.explore(run, directions=2)
    assert (len(found["sefa"]), len(found["ganspace"]), len(found["neighbours"])) == (2, 2, 8)
    assert set(found["attributions"]) == {"generated", "real"}
    tree = read(Path(found["page"]).read_text())
    ids = [section.attributes["id"] for section in tree.all("section")]
    assert ids == ["along", "between", "neighbours", "attribution"]
    assert "image" not in tree.one("main").text


def test_a_demo_shows_lines_on_its_page(run: Run, tmp_path: Path) -> None:
    studio = Studio(run.kind, run.trained())  # type: ignore[arg-type]
    shown = studio.samples(0, 4)
    assert isinstance(shown, str)
    assert "\n".join(run.sample(4)) in shown
    assert all("<pre" in str(one) for one in (*studio.way(0, 1, 0.5), studio.moved(0, "SeFa", [1.0, -1.0])))
    if importlib.util.find_spec("gradio") is None:
        return
    program = f"""
import sparring
from sparring.runs.serving import page_of
page = page_of(sparring.load({str(run.path)!r}), None, "cpu", {str(tmp_path)!r})
print(*(f"{{block.elem_id}}={{type(block).__name__}}" for block in page.blocks.values()))
"""
    words = [sys.executable, "-c", program]
    built = subprocess.run(words, env=beside(TOY), check=True, capture_output=True, text=True, timeout=120).stdout
    assert {"samples=HTML", "between=HTML", "strip=HTML", "moved=HTML"} <= set(built.split())


# --- study, plan, recipes, show


def test_a_study_judges_it_by_its_metric(data: Path, tmp_path: Path) -> None:
    found = sparring.study(
        "melodies", *(word for word in WORDS if "steps" not in word and "plan" not in word),
        vary={"generator.net.tune.width": [4, 8]}, metric="in_key", seeds=2, for_="10steps", points=2, jobs=1,
        data=data, out=tmp_path / "study", quiet=True,
    )  # fmt: skip
    assert (found["judge"]["metric"] if "judge" in found else found["metric"]) == "in_key"
    assert len(found["arms"]) == 2


def test_a_plan_counts_melodies(data: Path) -> None:
    found = sparring.plan("melodies", *WORDS, data=data, seconds=0.3)
    assert (found["recipe"], found["unit"], found["steps"]) == ("melodies", "melodies", 160)
    assert found["step_ms"] > 0


def test_its_recipe_is_listed_and_shown() -> None:
    ended = command("recipes")
    names = [line.split()[0] for line in ended.stdout.splitlines()]
    assert {"digits", "melodies"} <= set(names)
    assert names == sorted(names)
    assert sparring.recipes("melodies")["melodies"] == (TOY / "sparring_melodies/recipes/melodies.yaml").read_text()
    shown = sparring.show("melodies")
    assert "path: PATH" in shown
    assert "tune: {width: 32}" in shown
    assert sparring.show("melodies", "steps=3", data="x.abc").count("steps: 3") == 1


def test_listing_and_help_do_without_pytorch() -> None:
    for words in (["recipes"], ["sample", "--help"], ["translate", "--help"]):
        program = f"""
import sys
from sparring.cli import main
sys.argv = ["sparring", *{words}]
try:
    main()
except SystemExit as end:
    assert not end.code
assert "torch" not in sys.modules
"""
        subprocess.run([sys.executable, "-c", program], env=beside(TOY), check=True, capture_output=True, timeout=60)


# --- packages that do not go together


def package(folder: Path, name: str, kind: str, recipe: str = "") -> Path:
    """Another package that brings a kind, in a folder of its own."""
    place = folder / name / f"sparring_{name}"
    (place / "recipes").mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / "kind.py").write_text(kind)
    if recipe:
        (place / "recipes" / recipe).write_text("about: Another one.\n")
    told = folder / name / f"sparring_{name}-1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: sparring-{name}\nVersion: 1\n")
    (told / "entry_points.txt").write_text(f"[sparring.kinds]\n{name} = sparring_{name}\n")
    return folder / name


BARE = """
from sparring.nets import Net
from sparring_melodies.kind import MelodiesKind
class Tune(Net):
    pass
class Bare(MelodiesKind):
    name, parts, metrics, signs = "bare", (Tune,), (), ()
KINDS = (Bare(),)
"""


def broken(told: str, use: Callable[[], object], *folders: Path) -> None:
    with installed(TOY, *folders), pytest.raises(RequestError, match=told) as caught:
        use()
    assert "\n" not in str(caught.value)


def test_two_parts_of_a_name_are_refused_by_both_their_names(tmp_path: Path) -> None:
    told = r"sparring_bare\.kind\.Tune.*sparring_melodies\.net\.Tune|sparring_melodies\.net\.Tune.*sparring_bare\.kind\.Tune"
    broken(told, lambda: sparring.show("digits"), package(tmp_path, "bare", BARE))


def test_two_metrics_of_a_name_are_refused(tmp_path: Path) -> None:
    text = BARE.replace("metrics, signs", "metrics, signs, asks").replace("(Tune,), (), ()", "(), (OTHER,), (), {}")
    text = text.replace(
        "class Bare",
        "from sparring_melodies.metric import IN_KEY\nimport dataclasses\nOTHER = dataclasses.replace(IN_KEY)\nclass Bare",
    )
    from sparring.kinds import scores

    broken("brings a metric 'in_key', and there is another; rename it", scores.metrics, package(tmp_path, "bare", text))


def test_two_kinds_of_a_name_are_refused(tmp_path: Path) -> None:
    text = BARE.replace(
        'name, parts, metrics, signs = "bare", (Tune,), (), ()', 'name, parts, metrics, signs = "images", (), (), ()'
    )
    told = r"kinds: two are called images, of .*sparring_bare\.kind.*; remove one"
    broken(told, lambda: sparring.show("digits"), package(tmp_path, "bare", text))


def test_two_packages_of_a_name_are_refused_by_both_their_names(tmp_path: Path) -> None:
    mine = package(tmp_path, "melodies2", BARE)
    (mine / "sparring_melodies2-1.dist-info" / "entry_points.txt").write_text(
        "[sparring.kinds]\nmelodies = sparring_melodies2\n"
    )
    told = (
        "kinds: two are called melodies, sparring_melodies.* and sparring_melodies.* of sparring-melodies.*; remove one"
    )
    broken(told, kinds.folders, mine)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("import nowhere_to_be_found", "No module named 'nowhere_to_be_found'"),
        ("KINDS = 3", "'int' object is not iterable"),
        ("KINDS = ('ill',)", "KINDS has 'ill', which is no Kind"),
        ("", "no attribute 'KINDS'"),
        ("raise ValueError", "ValueError"),
    ],
)
def test_a_broken_package_is_named_once_and_left_out(
    text: str, told: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with installed(TOY, package(tmp_path, "ill", text)):
        sparring.show("digits")
        assert "melodies" in {kind.name for kind in kinds.kinds()}
        with pytest.raises(RequestError, match="'ill' is none"):
            kinds.kind_named("ill")
    (record,) = caplog.records
    assert re.fullmatch(f"kinds: ill, of the package sparring_ill, cannot be used: .*{told}.*", record.getMessage())


def test_a_package_that_is_not_there_is_named_and_the_rest_works(tmp_path: Path) -> None:
    folder = package(tmp_path, "lost", BARE)
    (folder / "sparring_lost").rename(folder / "gone")
    told = "kinds: lost, of the package sparring_lost, cannot be used: No module named 'sparring_lost'"
    ended = command("recipes", packages=folder)
    assert (ended.returncode, ended.stderr) == (0, f"{told}\n")
    assert re.search(r"^digits\b", ended.stdout, re.MULTILINE)
    ended = command("show", "digits", "data=lost", packages=folder)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0] == told
    assert ended.stderr.splitlines()[1].startswith("sparring: data: ")


def test_a_recipe_of_a_name_that_is_ours_is_refused(tmp_path: Path) -> None:
    folder = package(tmp_path, "bare", BARE, "digits.yaml")
    told = "kinds: sparring_bare brings a recipe 'digits', and there is one of that name; rename it"
    broken(told, sparring.recipes, folder)


def test_without_its_package_a_run_says_what_is_missing(run: Run) -> None:
    with installed():
        sys.path[:] = [place for place in sys.path if place != str(TOY)]
        forget()
        with pytest.raises(RequestError, match="unknown choice 'melodies'"):
            sparring.load(run.path)
