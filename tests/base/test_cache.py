from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sparring.base.cache import cache_directory, cached_file
from sparring.base.errors import RequestError

CONTENT = b"weights" * 1000
PREFIX = hashlib.sha256(CONTENT).hexdigest()[:8]


@pytest.fixture
def url(tmp_path: Path) -> str:
    origin = tmp_path / "origin.bin"
    origin.write_bytes(CONTENT)
    return origin.as_uri()


def test_a_file_is_fetched_once(url: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "deep"
    path = cached_file("net.bin", url, PREFIX, cache=cache)
    assert path == cache / "net.bin"
    assert path.read_bytes() == CONTENT
    (tmp_path / "origin.bin").unlink()
    assert cached_file("net.bin", url, PREFIX.upper(), cache=cache) == path
    assert [left.name for left in cache.iterdir()] == ["net.bin"]


def test_a_wrong_file_is_refused_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(RequestError, match=f"net.bin: SHA-256 should begin with 00000000, found {PREFIX}") as refused:
        cached_file("net.bin", url, "00000000", cache=cache)
    assert "\n" not in str(refused.value)
    assert list(cache.iterdir()) == []


def test_a_spoilt_file_in_the_cache_is_removed(url: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    path = cached_file("net.bin", url, PREFIX, cache=cache)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(RequestError, match="the file was removed"):
        cached_file("net.bin", url, PREFIX, cache=cache)
    assert cached_file("net.bin", url, PREFIX, cache=cache).read_bytes() == CONTENT


@pytest.mark.parametrize("url", ["file:///nowhere/net.bin", "http://127.0.0.1:9/net.bin", "no address"])
def test_without_the_file_the_error_says_where_to_put_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=f"cannot fetch {url}.*put the file at {tmp_path}/net.bin") as refused:
        cached_file("net.bin", url, PREFIX, cache=tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"SPARRING_CACHE: cannot write to .*origin\.bin"):
        cached_file("net.bin", url, PREFIX, cache=tmp_path / "origin.bin" / "cache")


def test_the_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("SPARRING_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory() == tmp_path / ".cache" / "sparring"
