"""The only importer of the distributed engine, Lightning Fabric: devices, precision, loggers."""

from __future__ import annotations

import atexit
import functools
import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sparring.base.errors import RequestError
from sparring.engine import ranks
from sparring.engine.compiling import Compiled
from sparring.engine.layout import keep_channels_last
from sparring.engine.machine import device_named, fast_bf16, keep_freed_memory

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["auto", "fp32", "bf16"]
Tracker = Literal["none", "tensorboard", "wandb", "mlflow"]
STEP_PATIENCE = timedelta(minutes=30)
"""How long a process waits for the others within a step."""
PATIENCE = timedelta(days=7)
"""How long it waits for the first, which scores and saves by itself between steps."""


class Plan(NamedTuple):
    """How a run is computed; written to `environment.json` before the first step and kept on resume."""

    device: str
    precision: Literal["fp32", "bf16"]
    threads: int
    channels_last: bool
    deterministic: bool = False
    devices: int = 1
    """Processes that train together, each with a device of its own."""
    joined: bool = False
    """Reals and fakes go through the discriminator in one pass, where nothing couples the samples of a batch."""
    compiled: bool = False
    """Networks are compiled, where no gradient of a gradient is taken."""
    graphs: bool = False
    """Each kind of move is recorded once, as a CUDA graph, and replayed."""

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


def choose_plan(device: str, precision: Precision, *, images: bool, deterministic: bool = False) -> Plan:
    """The plan for this machine. Raises RequestError for a device that is not there."""
    kind = device_named(device)
    reduced: Literal["fp32", "bf16"] = "fp32"
    if precision == "bf16" or (precision == "auto" and fast_bf16(kind)):
        reduced = "bf16"
    return Plan(kind, reduced, torch.get_num_threads(), images, deterministic, ranks.count())


class Engine:
    """One process's share of the work: where tensors live, how networks are called, how gradients are made."""

    def __init__(self, plan: Plan, tracker: Tracker = "none", folder: Path | None = None) -> None:
        self.plan = plan
        self.take_over()
        if plan.device == "cpu":
            keep_freed_memory()
        if plan.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
            torch.use_deterministic_algorithms(True)
        silent = tracker == "none" or folder is None or not ranks.is_first()
        loggers = [] if silent or folder is None else [_logger(tracker, folder)]
        precision = "bf16-mixed" if plan.precision == "bf16" else "32-true"
        self.fabric = _fabric(plan.device, precision, loggers, ranks.place())
        self.device = self.fabric.device

    def take_over(self) -> None:
        """Sets what holds for the whole process, where several engines take turns."""
        torch.set_num_threads(self.plan.threads)

    def use_threads(self, count: int) -> None:
        """Goes on with another number of threads."""
        self.plan = self.plan._replace(threads=count)
        self.take_over()

    def settle(self) -> None:
        """Waits for what is under way on the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def place(self, net: nn.Module) -> nn.Module:
        """The network on the device, in the plan's memory format."""
        net = net.to(self.device)
        if self.plan.channels_last:
            net = keep_channels_last(net)
        return net

    def called(self, net: nn.Module) -> nn.Module:
        """The network as the engine calls it: in the plan's precision, with results in float32; compiled or not."""
        called = net if self.plan.precision == "fp32" else Called(net, self.fabric)
        return Compiled(called) if self.plan.compiled else called

    def backward(self, loss: Tensor, **options: Any) -> None:
        """Makes gradients; of several processes, each those of its share in the loss of the joined batch."""
        self.fabric.backward(loss if ranks.count() == 1 else loss / ranks.count(), **options)

    def join(self, optimiser: torch.optim.Optimizer) -> None:
        """Lets each of an optimiser's steps go by the gradients of all processes."""
        if ranks.count() > 1:
            optimiser.register_step_pre_hook(_add_gradients)

    def track(self, numbers: dict[str, float], step: int) -> None:
        """Sends numbers to the tracker, where the run has one."""
        if self.fabric.loggers:
            self.fabric.log_dict(numbers, step)

    def finish(self) -> None:
        """Closes the tracker."""
        for logger in self.fabric.loggers:
            logger.finalize("success")


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Joins the processes that a launcher started with this one, if it did, for as long as the context lasts."""
    place = ranks.launched()
    if place.size == 1:
        yield
        return
    ranks.check_meeting()
    ranks.join(place, _patient_group(device_named(device), place))
    try:
        yield
    except BaseException:
        if torch.cuda.is_available():  # NCCL would wait for the messages that failed
            atexit.unregister(torch.distributed.destroy_process_group)
        raise
    finally:
        ranks.leave()


@functools.cache
def _patient_group(device: str, place: ranks.Place) -> Any:
    """Has the processes find each other, once for all trainings of a script; gives the group that waits for long."""
    if not torch.distributed.is_initialized():
        atexit.register(torch.distributed.destroy_process_group)
    _fabric(device, "32-true", [], place)
    return torch.distributed.new_group(backend="gloo", timeout=PATIENCE)


def _fabric(device: str, precision: Any, loggers: list[Any], place: ranks.Place) -> Fabric:
    """Fabric for this process: alone, or in its place among several."""
    if place.size == 1:
        return _fabric_class()(accelerator=device, devices=1, precision=precision, loggers=loggers)
    for said in [name for name in os.environ if name.startswith("LT_")]:  # by `fabric run`; our choices are made
        del os.environ[said]
    kind = _fabric_class()
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning_fabric.strategies.ddp import DDPStrategy

    strategy = DDPStrategy(
        cluster_environment=TorchElasticEnvironment(),
        process_group_backend="cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        timeout=STEP_PATIENCE,
    )
    fabric = kind(
        accelerator=device,
        strategy=strategy,
        devices=place.local_size,
        num_nodes=place.size // place.local_size,
        precision=precision,
        loggers=loggers,
    )
    fabric.launch()
    return fabric


def _add_gradients(optimiser: torch.optim.Optimizer, *_: Any) -> None:
    """Puts the sum over all processes in each gradient's place, in one message.

    Not by `DistributedDataParallel`, whose hooks refuse inner gradients, as penalties take. A weight that only some
    processes have a gradient of (networks of a user's own may branch) counts as zero in the others.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    missing = [place for place, weight in enumerate(weights) if weight.grad is None]
    there = torch.ones(len(weights), device=weights[0].device)
    there[missing] = 0.0
    for place in missing:
        weights[place].grad = torch.zeros_like(weights[place])
    ranks.add_up([there, *(weight.grad for weight in weights)])
    for place in missing:
        if not there[place]:
            weights[place].grad = None


class Called(nn.Module):
    """Calls a network under the engine's precision.

    Fabric's own wrapper refuses gradients that are not taken through `fabric.backward`, and penalties take theirs by
    `torch.autograd.grad`.
    """

    def __init__(self, net: nn.Module, fabric: Fabric) -> None:
        super().__init__()
        self.net = net
        self._context = fabric.autocast

    def forward(self, *inputs: Any, **options: Any) -> Any:
        with self._context():
            return in_float32(self.net(*inputs, **options))


def in_float32(result: Any) -> Any:
    """What a network gave, with its tensors in float32."""
    if isinstance(result, Tensor):
        return result.float() if result.is_floating_point() else result
    if isinstance(result, tuple):
        parts = [in_float32(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result


def _fabric_class() -> type[Fabric]:
    """Fabric, imported with the first engine: it takes a second, which sampling, scoring and reports need not spend.

    It would import torchmetrics, where that is installed, to learn its version for a feature that is not used here;
    with SciPy and Matplotlib behind it, that is another second.
    """
    hidden = "torchmetrics" not in sys.modules
    if hidden:
        sys.modules["torchmetrics"] = None  # type: ignore[assignment]
    try:
        from lightning_fabric import Fabric
    finally:
        if hidden:
            del sys.modules["torchmetrics"]
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of each precision it sets
    return Fabric


def check_tracker(tracker: Tracker) -> None:
    """Raises RequestError where a tracker's package is missing."""
    if tracker != "none":
        _logger_class(tracker)


def _logger(tracker: Tracker, folder: Path) -> Any:
    """A tracker's logger, which keeps its files in the run directory."""
    kind = _logger_class(tracker)
    if tracker == "tensorboard":
        return kind(root_dir=folder, name="", version="tensorboard")
    if tracker == "wandb":
        return kind(project="sparring", name=folder.name, save_dir=folder)
    return kind(experiment_name="sparring", run_name=folder.name, save_dir=str(folder / "mlruns"))


def _logger_class(tracker: Tracker) -> Any:
    """The class of a tracker's logger, its packages imported. Raises RequestError where one is missing."""
    try:
        if tracker == "tensorboard":
            from lightning_fabric.loggers.tensorboard import TensorBoardLogger

            importlib.import_module("torch.utils.tensorboard")
            return TensorBoardLogger
        importlib.import_module(tracker)
        from pytorch_lightning.loggers import MLFlowLogger, WandbLogger

        return WandbLogger if tracker == "wandb" else MLFlowLogger
    except ImportError as error:
        missing = getattr(error, "name", None) or str(error)
        raise RequestError(f"tracker: {tracker} needs '{missing}'; pip install 'sparring[trackers]'") from None
