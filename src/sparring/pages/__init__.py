"""One HTML file for a run, or for several runs side by side: it opens offline and asks nothing of the network."""

from __future__ import annotations

from sparring.pages.page import ExplorePage, RunPage
from sparring.pages.render import render_comparison, render_explore, render_run

__all__ = ["ExplorePage", "RunPage", "render_comparison", "render_explore", "render_run"]
