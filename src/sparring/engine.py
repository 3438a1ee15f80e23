"""The only importer of the distributed engine, Lightning Fabric: devices, precision, loggers."""

from __future__ import annotations

import atexit
import functools
import importlib
import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from sparring import ranks
from sparring.errors import RequestError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Precision = Literal["auto", "fp32", "bf16"]
Tracker = Literal["none", "tensorboard", "wandb", "mlflow"]
DEVICES = ("auto", "cpu", "cuda", "mps")
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

    def to_json(self) -> dict[str, Any]:
        return self._asdict()


def choose_plan(device: str, precision: Precision, *, images: bool, deterministic: bool = False) -> Plan:
    """The plan for this machine. Raises RequestError for a device that is not there."""
    kind = _device(device)
    reduced: Literal["fp32", "bf16"] = "fp32"
    if precision == "bf16" or (precision == "auto" and fast_bf16(kind)):
        reduced = "bf16"
    return Plan(kind, reduced, torch.get_num_threads(), images, deterministic, ranks.count())


class Engine:
    """One process's share of the work: where tensors live, how networks are called, how gradients are made."""

    def __init__(self, plan: Plan, tracker: Tracker = "none", folder: Path | None = None) -> None:
        self.plan = plan
        self.take_over()
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

    def settle(self) -> None:
        """Waits for what is under way on the device."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def place(self, net: nn.Module) -> nn.Module:
        """The network on the device, in the plan's memory format."""
        net = net.to(self.device)
        if self.plan.channels_last:
            net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            for layer in net.modules():
                if not list(layer.children()):
                    layer.register_forward_pre_hook(_lay_inputs)
                    layer.register_forward_hook(_lay_gradients)
        return net

    def called(self, net: nn.Module) -> nn.Module:
        """The network as the engine calls it: in the plan's precision, with results in float32."""
        return net if self.plan.precision == "fp32" else Called(net, self.fabric)

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


def channels_last(x: Tensor) -> Tensor:
    """Maps [batch, channels, height, width] with a position's channels side by side in memory."""
    return x.contiguous(memory_format=torch.channels_last)


def _lay_inputs(layer: nn.Module, inputs: tuple[Any, ...]) -> Any:
    """Keeps maps in the layout of the kernels. Where a view or a flattening brings another one in, all layers from
    there on, and all gradients back to there, would go between the two, which takes several times as long."""
    return tuple(channels_last(x) if isinstance(x, Tensor) and x.ndim == 4 else x for x in inputs)


def _lay_gradients(layer: nn.Module, inputs: Any, output: Any) -> None:
    if isinstance(output, Tensor) and output.ndim == 4 and output.requires_grad:
        output.register_hook(channels_last)  # type: ignore[no-untyped-call]


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Joins the processes that a launcher started with this one, if it did, for as long as the context lasts."""
    place = ranks.launched()
    if place.size == 1:
        yield
        return
    ranks.join(place, _patient_group(_device(device), place))
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

    def forward(self, *inputs: Tensor) -> Any:
        with self._context():
            return in_float32(self.net(*inputs))


def in_float32(result: Any) -> Any:
    """What a network gave, with its tensors in float32."""
    if isinstance(result, Tensor):
        return result.float() if result.is_floating_point() else result
    if isinstance(result, tuple):
        parts = [in_float32(part) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else tuple(parts)
    return result


def free_threads(samples: int = 9, pause: float = 0.02) -> int:
    """Threads that find a core of their own beside what other programs run just now: PyTorch waits for its slowest
    thread after every operation, so that one shared core costs far more than its share. Where the system does not tell
    what runs (other than Linux), all."""
    threads = torch.get_num_threads()
    found = []
    try:
        for _ in range(samples):
            told = Path("/proc/stat").read_text().partition("procs_running ")[2].split()[0]
            found.append(int(told) - 1)  # not counting this one
            time.sleep(pause)
    except (OSError, IndexError, ValueError):
        return threads
    busy = sorted(found)[samples // 2]
    return max(1, min(threads, (os.cpu_count() or threads) - busy))


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


def peak_memory(device: torch.device | str) -> int:
    """The most memory the process has used so far, in bytes: on the device, or of the machine for a CPU."""
    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(used if sys.platform == "darwin" else used * 1024)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a device or of the machine."""
    text = str(error)
    return isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)
    )


def environment() -> dict[str, Any]:
    """Versions and the machine, for the record."""
    import numpy

    import sparring

    return {
        "sparring": sparring.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning_fabric": version("lightning-fabric"),
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _device(wanted: str) -> str:
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if wanted == "auto":
        return "cuda" if there["cuda"] else "cpu"  # mps, which nobody has tried yet, is for those who name it
    if wanted not in there:
        raise RequestError(f"device: '{wanted}' is none of {', '.join(DEVICES)}")
    if not there[wanted]:
        raise RequestError(
            f"device: {wanted} is not on this machine; there is {', '.join(n for n in there if there[n])}"
        )
    return wanted


def fast_bf16(device: str) -> bool:
    """Whether the device multiplies bf16 matrices in hardware made for it."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device == "cpu":
        amx = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return bool(amx and amx())
    return False


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
