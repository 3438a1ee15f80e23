"""The page on a port of this machine, until Ctrl-C."""

from __future__ import annotations

import contextlib
import importlib.util
import ipaddress
import os
import socket
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.pages.naming import titled
from sparring.runs.run import Run, data_of

PORT = 7860
"""Where to look for a free port first."""
PORTS = 100
"""How many to look at."""
LARGEST = "512mb"
"""Of an uploaded file."""
OWN = (
    "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)
"""What browsers are told to load: nothing from other machines."""


def serve(run: Run, device: str, host: str, port: int | None, say: Callable[[str], None], *, browser: bool) -> None:
    """Shows the page until Ctrl-C. Raises RequestError where Gradio is missing, or the host or the port cannot be had.

    Nothing is sent to or taken from other machines. What is uploaded or made lies in a temporary folder, and goes with
    the page.
    """
    if importlib.util.find_spec("gradio") is None:
        raise RequestError("demo: needs Gradio; pip install 'sparring[demo]'")
    found = listening(host, port)
    try:
        data: DataSet | None = data_of(run)
    except RequestError as error:
        say(f"without {'examples' if run.recipe.game.translates else 'the data'}: {error}")
        data = None
    ended = contextlib.suppress(KeyboardInterrupt)  # whenever it comes
    with ended, found, tempfile.TemporaryDirectory(prefix="sparring-demo-") as folder:
        os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": folder}
        app = application(page_of(run, data, device, Path(folder)), host)
        address = address_of(host, found.getsockname()[1])
        say(f"{address}  (Ctrl-C ends it)")
        if not loopback(host):
            say(f"host: {host}; whoever reaches this machine can use the page")
        if browser and _has_screen():
            webbrowser.open(address)
        _answer(app, found)


def page_of(run: Run, data: DataSet | None, device: str, folder: Path) -> Any:
    """The page for a run, as Gradio's `Blocks`."""
    import gradio as gr

    from sparring.pages import widgets

    title = run.path.resolve().name
    with gr.Blocks(title=f"{title} · Sparring", analytics_enabled=False) as blocks:
        widgets.head(title, _about(run))
        run.kind.demo(run.trained(device), data, folder, blocks)
    return blocks


def _about(run: Run) -> str:
    """The recipe, the step, and the Fréchet distance where it is known."""
    told = [run.recipe.name, f"step {run.step:,}"]
    if "fid" in run.scores:
        score = run.scores["fid"]
        told.append(f"{titled('fid', score['protocol'].get('extractor', ''), 'FID')} {score['value']:.3g}")
    return " · ".join(told)


def application(blocks: Any, host: str) -> Any:
    """The page as an ASGI application."""
    import gradio as gr
    from fastapi import FastAPI
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from sparring.pages import widgets

    app = FastAPI(openapi_url=None)
    known = ["127.0.0.1", "localhost", "[::1]", host]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=known if loopback(host) else ["*"])

    app.add_middleware(Alone)
    return gr.mount_gradio_app(
        app,
        blocks,
        path="",
        server_name=host,
        footer_links=[],
        ssr_mode=False,
        max_file_size=LARGEST,
        allowed_paths=[],
        theme=widgets.theme(),
        css=widgets.CSS,
    )


class Alone:
    """An ASGI application that tells browsers to load nothing from elsewhere."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def told(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", OWN.encode())]
            await send(message)

        await self.app(scope, receive, told)


def listening(host: str, port: int | None) -> socket.socket:
    """A socket that listens: at the port, or without one at the first that is free. Raises RequestError with the next
    free one."""
    if port is not None and not 0 <= port <= 65535:
        raise RequestError(f"port: {port} is none; take 1024 to 65535")
    try:
        if port is not None:
            return _listen(host, port)
        found = _first_free(host, PORT)
        if found is None:
            raise RequestError(f"port: none is free from {PORT} to {PORT + PORTS - 1}; say --port")
        return found
    except socket.gaierror:
        raise RequestError(f"host: '{host}' is not known; take 127.0.0.1") from None
    except PermissionError:
        raise RequestError(f"port: {port} is not for you; take 1024 to 65535") from None
    except OSError as error:
        free = None if port is None else _first_free(host, port + 1)
        if free is None:
            raise RequestError(f"host: '{host}' cannot be used ({error.strerror})") from None
        with free:
            raise RequestError(f"port: {port} is taken; {free.getsockname()[1]} is free") from None


def _first_free(host: str, port: int) -> socket.socket | None:
    for candidate in range(port, min(port + PORTS, 65536)):
        try:
            return _listen(host, candidate)
        except socket.gaierror:
            raise
        except OSError:
            continue
    return None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    return socket.create_server((host, port), family=family)


def address_of(host: str, port: int) -> str:
    """Where a browser on this machine finds the page."""
    everywhere = host in ("0.0.0.0", "::")
    name = "127.0.0.1" if everywhere else f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/"


def loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _has_screen() -> bool:
    """Whether a browser would have a window: Linux without a display would start one in the terminal."""
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _answer(app: Any, found: socket.socket) -> None:
    """Answers requests until Ctrl-C, which comes as a KeyboardInterrupt."""
    import uvicorn

    # What goes wrong in a request is told by `widgets.told`; that a browser went away is nothing to tell
    config = uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1, ws="none")
    uvicorn.Server(config).run(sockets=[found])
