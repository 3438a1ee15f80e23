"""A training in one process or in several: where they come from, and what each of them does.

The first process begins or resumes as one alone would. Before it does what all must do together, it tells the others
(`sparring.runs.orders.Task`), who then do the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

from sparring.base.errors import RequestError
from sparring.base.rundir import RunDir
from sparring.data import DataSet
from sparring.engine import choose_plan, joined, ranks
from sparring.engine.launcher import run_processes
from sparring.pages.console import Talk
from sparring.recipe import Recipe
from sparring.recipe.build import OwnNets
from sparring.runs import orders, session
from sparring.runs.run import Run

Work = Callable[[Talk], Run]
"""A training that was asked for."""


def started(work: Work, run: RunDir, recipe: Recipe, devices: int | None, device: str, own: OwnNets, talk: Talk) -> Run:
    """Does the work in this process, in those that a launcher started with it, or in new ones on this machine.

    Raises RequestError where there are not so many devices, or the batch does not divide among them.
    """
    recorded = run.read_environment()["plan"] if run.exists else {}
    count = _wanted(devices, recorded.get("devices", 1))
    if count != 1:
        device = recorded.get("device", device) if device == "auto" else device
        _check_devices(count, device)
        _check_batch(recipe.batch, count)
        session.check_treatment(recipe, count)
    if ranks.launched().size > 1:
        return lead(work, device, talk)
    if count == 1:
        return work(talk)
    return Run(run_processes(count, _take_part, work, device, own, talk.console.quiet), own=own)


def _wanted(devices: int | None, recorded: int) -> int:
    """How many processes: as many as a launcher started, as was said, or as the run has had."""
    there = ranks.launched().size
    if there == 1:
        return recorded if devices is None else devices
    if devices not in (None, there):
        raise RequestError(f"devices: {devices}, and the launcher started {there} processes; leave devices out")
    return there


def _check_devices(devices: int, device: str) -> None:
    """Raises RequestError where this machine has not as many devices as processes here."""
    kind = choose_plan(device, "fp32", images=False).device
    place = ranks.launched()
    here = place.local_size if place.size > 1 else devices
    there = {"cuda": torch.cuda.device_count(), "mps": 1}.get(kind, here)
    if here > there:
        raise RequestError(f"devices: {here}, and this machine has {there} of kind {kind}; take devices={there}")


def _check_batch(batch: int, devices: int) -> None:
    if batch % devices:
        nearest = max(1, round(batch / devices)) * devices
        raise RequestError(f"batch: {batch} has no {devices} equal parts, one a device; try batch={nearest}")


def _take_part(work: Work, device: str, own: OwnNets, quiet: bool) -> Path:
    """What each process that was started for this training does."""
    return lead(work, device, Talk(quiet=quiet)).path if ranks.launched().rank == 0 else follow(device, own)


def lead(work: Work, device: str, talk: Talk) -> Run:
    """What the first process does: the work, and an end for the others whatever comes of it."""
    with joined(device):
        path = None
        try:
            run = work(talk)
            path = run.path.absolute()
            return run
        finally:
            with suppress(ranks.Lost):
                ranks.from_first(lambda: path)


def follow(device: str, own: OwnNets) -> Path:
    """What all others do: whatever the first says, until it has done its work; gives the run's directory."""
    with joined(device):
        data: DataSet | None = None
        while True:
            order: orders.Task | Path | None = ranks.from_first(lambda: None)
            if order is None:
                raise ranks.Lost(f"process {ranks.rank()} of {ranks.count()}: the first process failed")
            if isinstance(order, Path):
                return order
            data = data or _same_data(order)
            session.obey(order, data, own)


def _same_data(order: orders.Task) -> DataSet:
    """The data that the first process has. Raises RequestError where they, or the run, are not here."""
    here = f"process {ranks.rank()} of {ranks.count()}"
    if not order.path.is_dir():
        raise RequestError(f"out: {order.path} is not there for {here}; machines that train together share a folder")
    order.recipe.data.trusted()  # by whoever asked the first process
    data = order.recipe.data.load()
    if data.fingerprint != order.fingerprint:
        raise RequestError(
            f"data: {data.name} is another for {here} (fingerprint {data.fingerprint[:12]}, the first process has "
            f"{order.fingerprint[:12]}); give every machine the same files"
        )
    return data
