"""Ports, hosts, and what is refused before there is a page."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

import sparring
from sparring.base.errors import RequestError
from sparring.runs.run import Run
from sparring.runs.serving import PORT, address_of, listening, loopback

Trained = Callable[[str], Run]


def test_a_taken_port_is_refused_with_the_next_free_one() -> None:
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RequestError, match=rf"^port: {port} is taken; (\d+) is free$") as refused:
            listening("127.0.0.1", port)
        free = int(str(refused.value).split()[-3])
        assert free > port
        with listening("127.0.0.1", free) as found:
            assert found.getsockname()[1] == free


def test_without_a_port_the_first_free_one_is_taken() -> None:
    with listening("127.0.0.1", None) as first, listening("127.0.0.1", None) as second:
        assert PORT <= first.getsockname()[1] < second.getsockname()[1]


def test_ports_and_hosts_that_are_none_are_refused() -> None:
    for host, port, told in (
        ("127.0.0.1", 70_000, "port: 70000 is none"),
        ("127.0.0.1", -1, "port: -1 is none"),
        ("no such host", None, "host: 'no such host' is not known"),
        ("192.0.2.1", 0, "host: '192.0.2.1' cannot be used"),
    ):
        with pytest.raises(RequestError, match=told):
            listening(host, port)


def test_addresses_are_what_a_browser_takes() -> None:
    assert address_of("127.0.0.1", 80) == "http://127.0.0.1:80/"
    assert address_of("0.0.0.0", 80) == "http://127.0.0.1:80/"
    assert address_of("::1", 80) == "http://[::1]:80/"
    assert [loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.0.2.1")] == [True] * 3 + [
        False
    ] * 2


def test_without_gradio_one_line_says_what_to_install(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RequestError, match=r"pip install 'sparring\[demo\]'"):
        sparring.demo(trained("plain"), browser=False, quiet=True)


def test_runs_that_are_none_are_refused_as_by_other_verbs(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such run"):
        sparring.demo(tmp_path / "none")
    with pytest.raises(RequestError, match="has no checkpoint of step 7"):
        sparring.demo(trained("plain").path, step=7)


def test_a_listening_socket_takes_connections_before_the_page_is_there() -> None:
    with listening("localhost", None) as found, socket.create_connection(found.getsockname()[:2], timeout=5):
        pass
