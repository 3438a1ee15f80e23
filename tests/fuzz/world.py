"""The files that bad inputs name: good data, four small runs, and everything a path can be that is no good file."""

from __future__ import annotations

import gzip
import io
import os
import socket
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

FIXTURES = Path(__file__).resolve().parents[1] / "house" / "fixtures"
RUNS = ("ring", "table", "digits", "inpaint")
HEAD = "age,hours,sex,income,seen\n"


def build(world: Path) -> None:
    """Makes it all, below one folder."""
    for run in RUNS:
        with zipfile.ZipFile(FIXTURES / f"{run}.zip") as packed:
            for name in packed.namelist():
                if name.startswith("run/"):
                    packed.extract(name, world / "runs" / run)
        os.rename(world / "runs" / run / "run", world / "runs" / run / "x")
    good, bad = world / "good", world / "bad"
    good.mkdir()
    bad.mkdir()
    rows = [
        f"{20 + k % 40},{k % 13}.5,{'MF'[k % 2]},{('low', 'high')[k % 3 == 0]},2020-01-{1 + k % 28:02d}"
        for k in range(60)
    ]
    (good / "people.csv").write_text(HEAD + "\n".join(rows) + "\n")
    source = np.random.default_rng(0)
    (good / "photos").mkdir()
    for number in range(24):
        pixels = source.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(good / "photos" / f"{number:02d}.png")
    (good / "one.png").write_bytes(pixel())
    nothings(bad)
    for name, content in {**damaged(), **archives(world), **tables(), **yamls()}.items():
        place = bad / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)


def pixel() -> bytes:
    """A small picture."""
    buffer = io.BytesIO()
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)).save(buffer, "PNG")
    return buffer.getvalue()


def nothings(bad: Path) -> None:
    """Paths that are no files, and what may block whoever opens it."""
    (bad / "empty").mkdir()
    os.symlink("loop.csv", bad / "loop.csv")
    os.symlink("nowhere", bad / "dangling.csv")
    (bad / "unnameable").mkdir()
    for name in (b"\xff.png", b"\xff\xfe.csv"):
        with open(os.path.join(os.fsencode(bad / "unnameable"), name), "wb") as file:
            file.write(b"x")
    for ending in (
        "",
        ".csv",
        ".png",
        ".npz",
        ".yaml",
        ".zip",
        ".parquet",
        ".db",
        ".gz",
        ".bin",
        ".csv.gz",
        ".nii",
        ".dcm",
    ):
        os.mkfifo(bad / f"pipe{ending}")
        (bad / f"folder{ending}").mkdir()
        os.symlink("/dev/zero", bad / f"zero{ending}")
        with socket.socket(socket.AF_UNIX) as plug:
            here = os.getcwd()
            os.chdir(bad)  # addresses of sockets are short
            plug.bind(f"socket{ending}")
            os.chdir(here)
    for name, inside in {
        "pipes": "a.png",
        "pipecsv": "a.csv",
        "piperun": "recipe.yaml",
        "pipebin": "data_batch_1.bin",
    }.items():
        (bad / name).mkdir()
        os.mkfifo(bad / name / inside)
    (bad / "zeros").mkdir()
    os.symlink("/dev/zero", bad / "zeros" / "a.png")
    deep = bad / "deep"
    deep.mkdir()
    handle = os.open(deep, os.O_RDONLY)
    for _ in range(600):  # deeper than any path may be long
        os.mkdir("d23456789", dir_fd=handle)
        below = os.open("d23456789", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)


def paths(world: Path) -> list[str]:
    """Bad paths of all kinds."""
    bad = world / "bad"
    words = ["", " ", ".", "..", "/", "/dev", "/proc", "/dev/zero", "/dev/full", "/dev/null", "/dev/tty", "/dev/stdin",
             "/proc/self/mem", "/proc/self/fd", "/proc/1/environ", "/sys", "/nonexistent/x", "/etc/passwd/x",
             "~nosuchuser", "~nosuchuser/x.csv", "~", "a" * 300, "a" * 300 + ".csv", "/".join(["a"] * 3000),
             "\udcff", "\udcff.csv", "caf\u00e9\udcff.yaml", "-", "--", "a\nb.csv", "nul\0l.csv", "$HOME", "*", "\u202e.csv", "\U0001f600",
             "file:///etc/passwd", "http://127.0.0.1:9/x.csv", "sqlite:///nosuch.db", "sqlite:////dev/zero", "sqlite://",
             "postgresql://127.0.0.1:9/x", "nosuch://x", "://", "sqlite:///file:x?mode=rwc&uri=true", str(world / "good" / "people.csv") + "/x"]  # fmt: skip
    return words + sorted(str(place) for place in bad.iterdir())


def damaged() -> dict[str, bytes]:
    """Each ending with contents that are not of it."""
    source = np.random.default_rng(1)
    contents = {
        "nothing": b"", "zeros": bytes(3000), "noise": source.bytes(3000), "text": b"buy milk\n" * 30, "nul": b"a,b\n1,\0\n",
        "html": b"<!doctype html><html><body>404</body></html>", "utf16": "a,b\n1,2\n".encode("utf-16"), "long": b"," * 300_000,
    }  # fmt: skip
    endings = ("csv", "tsv", "parquet", "png", "jpg", "npz", "npy", "zip", "gz", "csv.gz", "bin", "yaml", "db", "xlsx", "json",
               "nii", "nii.gz", "dcm", "tif", "gif", "webp", "idx3-ubyte.gz")  # fmt: skip
    return {f"{kind}.{ending}": content for kind, content in contents.items() for ending in endings}


def header(text: str, values: bytes = b"", version: int = 1) -> bytes:
    """A .npy file with this text for a head."""
    head = text.encode()
    size = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + values


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def patched(content: bytes, *, flags: int | None = None, method: int | None = None, spoil: bool = False) -> bytes:
    """A zip whose members say something else of themselves, or whose compressed bytes are others."""
    changed = bytearray(content)
    for mark, at_flags, at_method in ((b"PK\x03\x04", 6, 8), (b"PK\x01\x02", 8, 10)):
        place = changed.find(mark)
        while place >= 0:
            if flags is not None:
                changed[place + at_flags : place + at_flags + 2] = struct.pack("<H", flags)
            if method is not None:
                changed[place + at_method : place + at_method + 2] = struct.pack("<H", method)
            place = changed.find(mark, place + 4)
    if spoil:
        first = changed.find(b"PK\x03\x04") + 60
        changed[first : first + 40] = b"\xff" * 40
    return bytes(changed)


def archives(world: Path) -> dict[str, bytes]:
    """Zips, .npz, gzips and idx files that lie."""
    pixels = (world / "good" / "one.png").read_bytes()
    images = {f"{number:02d}.png": pixels for number in range(24)}
    plain = packed(images)
    found = {
        "encrypted.zip": patched(plain, flags=1), "method.zip": patched(plain, method=97), "lzma.zip": patched(plain, method=14),
        "spoilt.zip": patched(plain, spoil=True), "halved.zip": plain[: len(plain) // 2], "tail.zip": plain[-60:],
        "comment.zip": plain + b"x" * 70000, "above.zip": packed({"../a.png": pixels}), "absolute.zip": packed({"/a.png": pixels}),
        "drive.zip": packed({"C:\\a.png": pixels}), "nothing-in.zip": packed({}), "bomb.zip": packed({"a.png": bytes(50_000_000)}),
        "nested.zip": packed({"a.zip": plain}), "same.zip": packed({"a.png": pixels}) + packed({"a.png": pixels}),
        "bytes.zip": plain.replace(b"00.png", b"\xff0.png"), "no-name.zip": plain.replace(b"00.png", bytes(6)),
    }  # fmt: skip
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(24):
            link = zipfile.ZipInfo(f"{number:02d}.png")
            link.create_system, link.external_attr = 3, 0o120777 << 16
            archive.writestr(link, "/dev/zero")
    found["links.zip"] = buffer.getvalue()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo("a.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/dev/zero"
        archive.addfile(link)
    found["links.tar.gz"] = buffer.getvalue()
    shapes = ["(-1, 8, 8)", "(True, 8, 8)", "(24, -8, 8, 3)", "(24, 8.0, 8)", "(2**70, 8, 8)", "(99999999999999999999, 8, 8)", "(24, 0, 8)",
              "(0, 8, 8)", "()", "24", "None", "(24,)", "(1, 4000000000, 4000000000)", "(24, 8, 8, 8, 8)", "'24'", "(24, False, 8)", "(" * 300 + ")" * 300]  # fmt: skip
    types = [
        "'|O'",
        "'>u9'",
        "'|S3'",
        "'<c16'",
        "'<M8[s]'",
        "[('a', '<f8')]",
        "None",
        "5",
        "'|u1,|u1'",
        "'<f2'",
        "'>i8'",
        "''",
        "'|V0'",
    ]
    for number, shape in enumerate(shapes):
        head = header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n", bytes(1536))
        found[f"shape{number}.npz"] = packed({"images.npy": head})
        found[f"labels{number}.npz"] = packed({"images.npy": header("{'descr': '|u1', 'fortran_order': False, 'shape': (24, 8, 8), }\n", bytes(1536)),
                                               "labels.npy": header(f"{{'descr': '<i8', 'fortran_order': False, 'shape': {shape}, }}\n", bytes(192))})  # fmt: skip
    for number, kind in enumerate(types):
        for order in ("False", "True", "3"):
            head = header(f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': (24, 8, 8), }}\n", bytes(1536))
            found[f"type{number}-{order}.npz"] = packed({"images.npy": head})
    heads = ["", "{", "{}", "[]", "{'descr': '|u1'}", "__import__('os').system('touch /tmp/pwned')", "{'shape': (1,), 'descr': '|u1', 'fortran_order': False, 'more': 1}",
             "\x00" * 20, "{" * 200]  # fmt: skip
    for number, head in enumerate(heads):
        for version in (1, 2, 3, 9):
            found[f"head{number}-{version}.npz"] = packed({"images.npy": header(head, bytes(1536), version)})
    whole = io.BytesIO()
    np.savez_compressed(whole, images=np.zeros((24, 8, 8), np.uint8), labels=np.arange(24) % 3)
    content = whole.getvalue()
    found |= {"encrypted.npz": patched(content, flags=1), "method.npz": patched(content, method=97), "spoilt.npz": patched(content, spoil=True),
              "halved.npz": content[: len(content) // 2], "short.npz": packed({"images.npy": header("{'descr': '|u1', 'fortran_order': False, 'shape': (24, 8, 8), }\n", b"x")}),
              "bzip.npz": patched(content, method=12)}  # fmt: skip
    idx = b"\0\0\x08\x03" + struct.pack(">3I", 24, 8, 8) + bytes(1536)
    for name, body in {"ok": idx, "negative": b"\0\0\x08\x03" + struct.pack(">3i", -1, 8, 8) + bytes(64), "huge": b"\0\0\x08\x03" + b"\xff" * 12,
                       "cut": idx[:100], "type": b"\0\0\x99\x03" + idx[4:], "dims": b"\0\0\x08\xff" + bytes(2000)}.items():  # fmt: skip
        squeezed = gzip.compress(body)
        found[f"{name}-idx3-ubyte.gz"] = squeezed
        found[f"{name}-cut-idx3-ubyte.gz"] = squeezed[:-9]
        found[f"{name}-spoilt-idx3-ubyte.gz"] = squeezed[:12] + b"\xff" * 8 + squeezed[20:]
        found[f"{name}-idx3-ubyte"] = body
    table = (world / "good" / "people.csv").read_bytes()
    squeezed = gzip.compress(table)
    found |= {"cut.csv.gz": squeezed[:-20], "spoilt.csv.gz": squeezed[:20] + b"\xff" * 9 + squeezed[29:], "twice.csv.gz": gzip.compress(squeezed),
              "crc.csv.gz": squeezed[:-8] + b"abcdefgh", "zlib.csv.gz": zlib.compress(table), "head.csv.gz": squeezed[:10]}  # fmt: skip
    found |= {"batch.bin": bytes(3073 * 3 + 5), "tiny.bin": b"x"}
    return found


def tables() -> dict[str, bytes]:
    """Tables with something wrong or strange."""
    rows = [
        f"{20 + k % 40},{k % 13}.5,{'MF'[k % 2]},{('low', 'high')[k % 3 == 0]},2020-01-{1 + k % 28:02d}"
        for k in range(60)
    ]
    body = "\n".join(rows)
    strange = [
        "1e400",
        "-1e400",
        "1e308",
        "²",
        "٣",
        "0x1F",
        "0x_",
        "1_000",
        "inf",
        "nan",
        "1" * 400,
        "--5",
        "+-5",
        "1e",
        "9" * 25,
        "1e-400",
        "\x00",
        "\ufeff",
        "½",
    ]
    found = {
        "head-alone": HEAD, "one-row": HEAD + rows[0], "two-rows": HEAD + "\n".join(rows[:2]), "no-head": body, "blank": "\n" * 50, "spaces": " \n" * 50,
        "ragged": HEAD + body + "\n1,2\n", "wide": HEAD + body + "\n" + ",".join("123456789") + "\n", "open-quote": HEAD + body + '\n"x,1,2,3,4\n',
        "same-names": "a,a,a\n" + "1,2,3\n" * 40, "no-names": ",,\n" + "1,2,3\n" * 40, "constant": "a,b\n" + "1,2\n" * 40, "missing": "a,b\n" + ",\n" * 40,
        "many": ",".join(f"c{k}" for k in range(3000)) + "\n" + (",".join("1" * 3000) + "\n") * 3, "long-cell": HEAD + body + "\n1,2,M,low," + "x" * 200_000 + "\n",
        "names": "__class__,{0},%s,<b>,=cmd|'/c'!A1\n" + "1,2,3,4,5\n2,3,4,5,6\n" * 30, "long-name": "a" * 5000 + ",b\n" + "1,2\n2,3\n" * 30,
        "dates": "d,x\n" + "2020-13-45,1\n0000-00-00,2\n9999-12-31,3\n" * 15, "eras": "d,x\n" + "".join(f"{1 + k}-01-01,{k}\n" for k in range(60)),
        "tabs": body.replace(",", "\t"), "pipes": (HEAD + body).replace(",", "|"), "crs": (HEAD + body).replace("\n", "\r"), "surrogate": HEAD + body,
    }  # fmt: skip
    for number, word in enumerate(strange):
        found[f"strange{number}"] = HEAD + body + f"\n{word},5,M,low,2020-01-01\n"
        found[f"all-strange{number}"] = "a,b\n" + f"{word},1\n{word},2\n" * 30
    return {f"{name}.csv": text.encode() for name, text in found.items()} | {
        "latin.csv": (HEAD + body).replace("low", "l\u00f6w").encode("latin-1"),
        "bad-utf8.csv": (HEAD + body).encode() + b"\n1,2,\xff\xfe,low,2020-01-01\n",
    }


YAML_TEXTS = (
    "!!int x", "!!float x", "!!timestamp x", "!!binary x", "!!bool maybe", "!!python/object/apply:os.system ['touch /tmp/pwned']", "!!set {a, b}", "!!omap [a: 1]",
    "!!pairs [a: 1]", "!!null x", "!unknown x", "2024-13-45", "2024-02-30T25:61:61Z", "2024-01-01", "0x_", "0b_", "0_", "0o9", "+_1", "1__2", "._", "190:20:30",
    "99999999999999999999999999", "-99999999999999999999999999", "0x" + "f" * 40, "9" * 5000, "1e400", "-1e400", "1e99999999999", ".inf", ".nan", "²", "٣", "½", "NaN", "inf", "infinity",
    "[" * 300 + "]" * 300, "[" * 5000, "{a: " * 300 + "1" + "}" * 300, "- " * 400 + "x", "&a [*a]", "&a {b: *a}", "*nosuch", "&a x", "<<: 1", "{<<: [1, 2]}", "{? [a, b] : c}", "{{a: b}: c}",
    "{a: 1, a: 2}", "'open", '"\\x', '"\\ud800"', '"\\uD800"', "\x01", "\u2028", "\x85", "key: [", "%YAML 9.9\n---\nx", "--- a\n--- b", "---", "...", "|\n  x", ">\n", "#", "~", "null", "true", "yes", "on", "?",
    "@x", "`x", "%x", "-", ":", "=", "!", "&", "*", "\t", "a:\n\t- b", "[1, 2", "{1: 2, [3]: 4}", "!!str", "!!map []", "!!seq {}", "[a, [b, [c]]]", "-0", "-0.0", "1.5", "'1'", "[]", "{}", '""', "a b c",
    "+" * 2000 + "1", "-" * 2000 + "1", "a" * 100_000, "\U0001f600", "\udcff",
)  # fmt: skip
"""What YAML can say that no option means."""


def yamls() -> dict[str, bytes]:
    """Recipes and studies of these texts: as the whole, and as a value."""
    found = {}
    for number, text in enumerate(YAML_TEXTS):
        found[f"whole{number}.yaml"] = text.encode(errors="surrogateescape")
        found[f"value{number}.yaml"] = b"name: x\nsteps: " + text.encode(errors="surrogateescape") + b"\n"
    bomb = "a0: &a0 [x, x]\n" + "".join(
        f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}, *a{k - 1}, *a{k - 1}]\n" for k in range(1, 20)
    )
    found["bomb.yaml"] = bomb.encode()
    found["large.yaml"] = b"x: [" + b"1, " * 1_000_000 + b"1]\n"
    found["deep.yaml"] = "".join(" " * k + "a:\n" for k in range(600)).encode()
    found["latin.yaml"] = "about: caf\u00e9\n".encode("latin-1")
    found["utf16.yaml"] = "about: x\n".encode("utf-16")
    return found
