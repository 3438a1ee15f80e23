"""The table of cases, by verb; generated, where they are many."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import yaml

from tests.fuzz.harness import Case
from tests.fuzz.world import YAML_TEXTS, paths

NUMBERS = ("", " ", "-1", "0", "1.5", "1e3", "0x10", "0x_", "1_0", "²", "٣", "½", "inf", "-inf", "nan", "1e400", "99999999999999999999", "-99999999999999999999",
           "9" * 5000, "+1", "+-1", "--1", "one", "None", "true", "[1]", "1,2", "1 2", "\udcff", "1\n", "\u200b1", "2147483648", "9223372036854775808", "1000000000000")  # fmt: skip
CONDITIONS = ("", " ", "=", ">", "age", "age>", "age>x", "age>1e400", "age>-1e400", "age>1e99999", "age>1e-99999", "age>inf", "age>nan", "age>²", "age>٣", "age>" + "9" * 5000, "age=1.5", "age>>5",
              "age=>5", "age<0", "age>1000", "age in", "age in ,", "age in 1,,2", "age in ,,,", "age in " + "1," * 5000, "age is", "age is missing", "age is not missing", "age is missing missing", "age not in 1", "nosuch=1",
              "nosuch>", "sex=M", "sex=Q", "sex>M", "sex in M,F,M", "sex='M", "sex=\"M\"", "sex=''", "age>20 and age<30", "age>20;age<30", "age>0x10", "age>1_0", "age > 30", "AGE>30", " age>30 ", "age>30\n", "age\n>30",
              "age>+30", "age>" + "+" * 2000 + "1", "age>" + "-" * 2000 + "1", "age" * 2000, "=" * 3000, ">" * 3000, "'" * 3001, "age>\udcff", "\udcff>1", "age>\0", "seen>2020-13-45", "seen>0000-01-01", "seen>99999-01-01",
              "seen>2020-01-01T99:99", "seen>2020", "seen=today", "age=1e5", "age>NaN", "age>sNaN", "age>Infinity", "age>1e1000000000000000000", "age!=", "age==30", "age===30", "age<>30", "(age>30)", "age>(30)", "age>age", "1>age")  # fmt: skip
EXPRESSIONS = ("", " ", "age", "age<", "age<hours", "age<=1e400", "age<=" + "9" * 400, "age<=" + "-" * 2000 + "1", "age<=" + "+" * 1900 + "1", "age<=" + "(" * 300 + "1" + ")" * 300, "age<=1/0", "age/0<=1", "age/(age-age)<=1", "age**2<=1", "age<=1e300*1e300",
               "age<=hours*1e308*10", "age<=inf", "age<=nan", "age<=²", "age<=0x_", "age<=0x10", "age<=1_0", "age<=1j", "age<=True", "age<=None", "age<='x'", "age<=`nosuch`", "`age`<=hours", "age<=__import__('os')", "age<=().__class__", "age<=[1]",
               "age<=lambda: 1", "age<=f'{1}'", "age<=hours if age else 1", "age<=hours<=age<=hours", "age!=hours", "age in hours", "age is hours", "not age<=hours", "age<=hours and 1", "age==age", "age<age", "1<2", "sex<=1", "seen<=age", "age<=hours;age", "age<=hours\n",
               "age\0<=1", "age<=\udcff", "a" * 3000, "<" * 500, "age<=" + "hours+" * 300 + "1", "age<=" + "-(" * 90 + "1" + ")" * 90, "age<=~1", "age<=@1", "age<=1 1", "age<=1e-400", "age<=-0")  # fmt: skip


def all_cases(world: Path) -> list[Case]:
    """Every case of the corpus, in an order that stays."""
    makers = (
        of_paths,
        of_numbers,
        of_yaml,
        of_archives,
        of_tables,
        of_conditions,
        of_environment,
        of_words,
        of_options,
    )
    return [case for maker in makers for case in maker(world)]


def sample(cases: list[Case], count: int) -> list[Case]:
    """Some of the cases, always the same; of verbs that may compute something, and take longer, fewer."""
    source = random.Random(20)
    slow = ("train", "plan", "study", "augment", "explore", "report", "evaluate")
    drawn = [(source.random() ** (8 if case.words[0] in slow else 1), number) for number, case in enumerate(cases)]
    return [cases[number] for _, number in sorted(drawn)[-count:]]


def run_of(world: Path, name: str) -> str:
    return str(world / "runs" / name / "x")


TINY = ("steps=1", "batch=8", "score.metrics=[]", "doctor=off", "plan=plain")


def of_paths(world: Path) -> list[Case]:
    """Each bad path in each place that takes one."""
    table, one, photos = (
        str(world / "good" / "people.csv"),
        str(world / "good" / "one.png"),
        str(world / "good" / "photos"),
    )
    ring, rows, fills = run_of(world, "ring"), run_of(world, "table"), run_of(world, "inpaint")
    slots: list[tuple[str, ...]] = [
        ("train", "--data", "@", *TINY), ("train", "inpaint/photos", "--data", "@", *TINY), ("train", "--data", one, "@", *TINY), ("train", "ring", "--out", "@", *TINY),
        ("train", "ring", "--from", "@", *TINY), ("train", "@", *TINY), ("show", "@"), ("show", "--data", "@"), ("plan", "--data", "@"), ("recipes", "@"), ("sample", "@", "--to", "x.csv"),
        ("sample", rows, "--to", "@", "--count", "3"), ("sample", ring, "--to", "@", "--count", "3"), ("sample", run_of(world, "digits"), "--to", "@", "--count", "3"), ("translate", fills, "@", "--to", "x.png"), ("translate", fills, one, "--to", "@"),
        ("translate", fills, one, "--to", "x.png", "--mask", "@"), ("translate", "@", one, "--to", "x.png"), ("translate", fills, photos, "--to", "@"), ("evaluate", "@"), ("evaluate", ring, "--data", "@"), ("evaluate", rows, "--data", "@"), ("evaluate", fills, "--data", "@"),
        ("diagnose", "@"), ("report", "@"), ("explore", "@"), ("explore", ring, "--to", "@", "--directions", "1"), ("demo", "@", "--no-browser"), ("compare", "@", "@"), ("compare", ring, ring, "--out", "@"),
        ("augment", "--data", "@", "--target", "income"), ("augment", "--data", table, "--target", "income", "--seeds", "0", "--to", "@"), ("augment", "--data", table, "--target", "income", "--seeds", "0", "--out", "@"),
        ("study", "@", "--seeds", "0"), ("study", "dropout", "--data", "@", "--seeds", "0"), ("study", "dropout", "--out", "@", "--seeds", "0"), ("study", "dropout", "--storage", "@", "--seeds", "0"),
    ]  # fmt: skip
    # Damaged files of every ending go where files are read; elsewhere they are but files that exist
    some = [
        path
        for path in paths(world)
        if Path(path).parent.name != "bad" or Path(path).is_dir() or not Path(path).is_file()
    ]
    return [Case(tuple(path if word == "@" else word for word in slot)) for slot in slots for path in some]


def of_numbers(world: Path) -> list[Case]:
    ring, rows, fills, digits = (run_of(world, name) for name in ("ring", "table", "inpaint", "digits"))
    table, one = str(world / "good" / "people.csv"), str(world / "good" / "one.png")
    slots: list[tuple[str, ...]] = [
        ("sample", ring, "--to", "x.csv", "--count"), ("sample", digits, "--to", "x.npz", "--count"), ("sample", rows, "--to", "x.csv", "--count"), ("sample", ring, "--to", "x.csv", "--count", "2", "--seed"), ("sample", ring, "--to", "x.csv", "--step"),
        ("sample", ring, "--to", "x.csv", "--label"), ("sample", digits, "--to", "x.npz", "--count", "2", "--label"), ("translate", fills, one, "--to", "x.png", "--seed"), ("translate", fills, one, "--to", "x.png", "--tile"), ("translate", fills, one, "--to", "x.png", "--step"),
        ("evaluate", ring, "--step"), ("explore", ring, "--directions"), ("demo", "nosuch", "--port"), ("train", "ring", *TINY, "--seed"), ("train", "ring", *TINY, "--for"), ("train", "ring", *TINY, "--devices"), ("augment", "--data", table, "--target", "income", "--seeds"),
        ("augment", "--data", table, "--target", "income", "--seeds", "0", "--rows"), ("augment", "--data", table, "--target", "nosuch", "--mixes"), ("augment", "--data", table, "--target", "nosuch", "--for"), ("study", "nosuch", "--jobs"), ("study", "dropout", "--seeds"),
        ("study", "nosuch", "--points"), ("study", "nosuch", "--for"), ("study", "ring", "--seeds", "0", "--vary"),
    ]  # fmt: skip
    # Some are numbers that are right, or ask for hours
    cases = [
        Case((*slot, word))
        for slot in slots
        for word in NUMBERS
        if not (
            slot[0] in ("augment", "study")
            and slot[-1] == "--seeds"
            and word not in ("", "-1", "0", "²", "nan", "1.5", "99999999999999999999")
        )
    ]
    units = ("s", "m", "h", "d", "steps", "kimg", "min", "parsecs", "", "S", "m-cpu")
    return cases + [
        Case(("train", "ring", *TINY, "--out", "/dev/null/x", "--for", word + unit))
        for word in NUMBERS
        for unit in units
    ]


def of_yaml(world: Path) -> list[Case]:
    files = sorted(
        path
        for path in (world / "bad").iterdir()
        if path.suffix == ".yaml" and path.is_file() and not path.is_symlink()
    )
    cases = [
        Case((verb, str(file), *more))
        for file in files
        for verb, *more in (("show",), ("train", *TINY), ("study", "--seeds", "0"), ("plan",))
    ]
    cases += [
        Case(("show", "ring", f"{key}={text}"))
        for text in YAML_TEXTS
        for key in ("steps", "about", "generator.net", "generator.surgery", "data.ring", "objective", "game")
    ]
    return cases + [
        Case(("study", "ring", "--seeds", "0", "--vary", f"{key}={text}"))
        for text in YAML_TEXTS
        for key in ("steps", "generator.optimiser.adam.lr")
    ]


def of_archives(world: Path) -> list[Case]:
    ends = (
        ".zip",
        ".npz",
        ".gz",
        ".bin",
        ".parquet",
        ".db",
        ".png",
        ".jpg",
        ".tif",
        ".gif",
        ".webp",
        ".npy",
        ".nii",
        ".dcm",
        ".xlsx",
        ".json",
        "-ubyte",
    )
    files = sorted(
        path
        for path in (world / "bad").iterdir()
        if path.name.endswith(ends) and path.is_file() and not path.is_symlink()
    )
    photos = run_of(world, "digits")
    cases = []
    for file in files:
        cases += [
            Case(("train", "--data", str(file), *TINY)),
            Case(("evaluate", photos, "--data", str(file), "--metrics", "fid", "--extractor", "pixels")),
        ]
        if file.suffix in (".png", ".jpg", ".tif", ".gif", ".webp", ".nii", ".dcm", ".gz"):
            cases.append(Case(("translate", run_of(world, "inpaint"), str(file), "--to", "x" + "".join(file.suffixes))))
    return cases


def of_tables(world: Path) -> list[Case]:
    files = sorted(
        path
        for path in (world / "bad").iterdir()
        if path.suffix in (".csv", ".tsv") and path.is_file() and not path.is_symlink()
    )
    verbs: list[tuple[str, ...]] = [
        ("train", "--data", "@", *TINY),
        ("evaluate", run_of(world, "table"), "--data", "@"),
        ("augment", "--target", "a", "--seeds", "0", "--data", "@"),
        ("train", "table", "--data", "@", *TINY, "data.table.numbers=quantile"),
    ]
    return [Case(tuple(str(file) if word == "@" else word for word in verb)) for file in files for verb in verbs]


def of_conditions(world: Path) -> list[Case]:
    rows, table = run_of(world, "table"), str(world / "good" / "people.csv")
    named = [
        word.replace("age", name).replace("sex", choice).replace("seen", when)
        for word in CONDITIONS
        for name, choice, when in (("age", "sex", "seen"), *_columns(world))
    ]
    cases = [Case(("sample", rows, "--to", "x.csv", "--count", "2", "--where", word)) for word in dict.fromkeys(named)]
    cases += [Case(("sample", rows, "--to", "x.csv", "--count", "2", "--balance", word)) for word in CONDITIONS[:40]]
    cases += [
        Case(
            (
                "train",
                "table",
                "--data",
                table,
                *TINY,
                f"data.table.constraints={yaml.safe_dump([word], default_flow_style=True, width=10**6).strip()}",
            )
        )
        for word in EXPRESSIONS
        if word.isprintable()
    ]
    return cases + [
        Case(("train", "table", "--data", table, *TINY, f"data.table.constraints={word}")) for word in EXPRESSIONS
    ]


def _columns(world: Path) -> list[tuple[str, str, str]]:
    """A number, a choice and a date of the run of a table."""
    import json

    state = json.loads(next(Path(run_of(world, "table"), "checkpoints").glob("*/state.json")).read_text())
    text = json.dumps(state)
    found: dict[str, str] = {}

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("kind"), str) and isinstance(value.get("name"), str):
                found.setdefault(value["kind"], value["name"])
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            if all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) for pair in value):
                walk({key: item.get("value", item) if isinstance(item, dict) else item for key, item in value})
            for item in value:
                walk(item)

    walk(json.loads(text))
    number = found.get("number", found.get("integer", found.get("continuous", "age")))
    return [(number, found.get("category", found.get("binary", "sex")), found.get("datetime", "seen"))]


def of_environment(world: Path) -> list[Case]:
    ring, table = ("train", "ring", *TINY), ("train", "--data", str(world / "good" / "people.csv"), *TINY)
    values = (
        "",
        " ",
        "abc",
        "-1",
        "0",
        "1",
        "²",
        "٣",
        "1.5",
        "1e400",
        "9" * 400,
        "9" * 30,
        "1" * 400 + "GB",
        "nan",
        "inf",
        "-5GB",
        "5XB",
        "1e5",
        "0x10",
        "\udcff",
        "/dev/zero",
        "/nonexistent/x",
        "~nosuchuser",
        "a" * 300,
        str(world / "bad" / "pipe"),
    )
    names = (
        "SPARRING_DATA_MEMORY",
        "SPARRING_DEVICE_MEMORY",
        "SPARRING_CACHE",
        "SPARRING_DATA",
        "RANK",
        "WORLD_SIZE",
        "LOCAL_RANK",
        "CUDA_VISIBLE_DEVICES",
        "OMP_NUM_THREADS",
        "XDG_CACHE_HOME",
        "COLUMNS",
        "CXX",
        "MASTER_PORT",
        "TERM",
        "HOME",
    )
    cases = [Case(verb, {name: value}) for name in names for value in values for verb in (ring, table)]
    pairs = [
        {"RANK": rank, "WORLD_SIZE": size}
        for rank, size in itertools.product(
            ("0", "1", "-1", "abc", "²", "5", ""), ("1", "2", "0", "-1", "x", "", "9" * 30)
        )
    ]
    pairs += [
        {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": address, "MASTER_PORT": port}
        for address, port in itertools.product(
            ("", "127.0.0.1", "nosuch.invalid", "\udcff"), ("", "0", "abc", "99999", "²", "-1")
        )
    ]
    pairs += [
        {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": size}
        for rank, size in itertools.product(("0", "7", "x", "-1"), ("1", "0", "x", ""))
    ]
    return cases + [
        Case(ring, pair)
        for pair in pairs
        if not (pair.get("MASTER_ADDR") == "127.0.0.1" and pair["MASTER_PORT"] == "0")
    ]


def of_words(world: Path) -> list[Case]:
    """Words that are no options, and options that get none."""
    verbs = (
        "train",
        "sample",
        "translate",
        "evaluate",
        "diagnose",
        "report",
        "explore",
        "demo",
        "compare",
        "augment",
        "study",
        "plan",
        "recipes",
        "show",
        "nosuch",
        "",
    )
    words = (
        "--nosuch",
        "--nosuch=1",
        "-x",
        "--",
        "--to",
        "--data",
        "--for",
        "--seed",
        "--help",
        "a=b",
        "=",
        "==",
        "=x",
        "a=",
        "a.b.c=1",
        ".=1",
        "..=1",
        "steps",
        "steps=",
        "steps=1",
        "--json",
        "\udcff=1",
        "steps=\udcff",
        "x" * 5000,
        "x=" + "y" * 5000,
        "{}",
        "%s",
        "[red]",
        "\x1b[31m",
        "a.b" * 500 + "=1",
        "generator." * 300 + "=1",
    )
    return [
        Case((verb, word))
        for verb in verbs
        for word in words
        if not (verb in ("train", "study", "plan") and word in ("--", "--json", "steps=1", "--help"))
    ] + [Case((verb,)) for verb in verbs if verb not in ("train", "plan")]


VALUES: tuple[str, ...] = ("", "null", "true", "false", "-1", "0", "1", "2", "1.5", "-0.5", "1e400", "nan", ".inf", "1e-300", "1e300", "100000000", "1000000000000", "99999999999999999999", "abc", "²", "[]", "[1]", "[2, 3]", "[0]", "[-1]", "[1000000000]", "[1000000, 1000000]",
                           "[1.5]", "[null]", "[[1]]", "{}", "{a: 1}", "{1: 2}", "{null: null}", "'1'", "[" + "64, " * 3000 + "64]", "2024-01-01", "!!int x", "'*'", "'['", "'(('", "0.999999999999")  # fmt: skip
MORE = ("generator.net.dense.widths", "generator.surgery.dropout.rate", "generator.surgery.dropout.where", "discriminator.surgery.dropout.rate", "generator.terms.nosuch", "discriminator.surgery.spectral_norm.iterations", "augment.ada.target", "augment.flip",
        "discriminator.terms.r1.every", "update", "tracker", "generator.optimiser.sgd.lr", "score.every", "score.patience", "discriminator.moves", "generator.moves", "ema.half_life", "discriminator.terms.gradient_penalty.weight", "generator.surgery.freeze.where",
        "discriminator.surgery.clip.limit", "discriminator.surgery.clip", "game.from_noise.latent.uniform.size", "game.from_noise.labels", "game.from_noise.label_width")  # fmt: skip


def keys_of(fields: Any, above: str = "") -> list[str]:
    """The dotted paths of all that a recipe says."""
    found = [above] if above else []
    if isinstance(fields, dict):
        for name, value in fields.items():
            found += keys_of(value, f"{above}.{name}" if above else str(name))
    return found


def of_options(world: Path) -> list[Case]:
    """Each key of recipes with each value, read; and a training of one step with some of them."""
    from sparring.kinds.zoo import read_recipe
    from sparring.recipe import to_yaml, validated

    cases = []
    known: set[str] = set()
    for recipe, more in (("ring", MORE), ("table", ()), ("inpaint/photos", ())):
        fields = read_recipe(recipe)
        data: tuple[str, ...] = ()
        if recipe != "ring":
            place = world / "good" / ("people.csv" if recipe == "table" else "photos")
            data = ("--data", str(place))
            fields["data"] = {"table" if recipe == "table" else "images": {"path": str(place)}}
        keys = [key for key in (*keys_of(yaml.safe_load(to_yaml(validated(fields)))), *more) if key not in known]
        known |= set(keys)
        for row, key in enumerate(keys):
            cases += [Case(("show", recipe, *data, f"{key}={value}")) for value in VALUES]
            some = VALUES[row % 4 :: 4] if recipe == "ring" or key.startswith(("data", "game")) else ()
            cases += [Case(("train", recipe, *data, *TINY, f"{key}={value}")) for value in some]
    return cases
