"""A workload in the process that is measured: made ready once, and run as often as it is told."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nb_bench.ceiling import synchronize
from nb_bench.child import resident_peak
from nb_bench.cost import count_plan
from nb_bench.gradient import with_parameters
from nb_core import Detector, Experiment, flags_to_experiment
from nb_physics import Choice, Plan, as_panels, make_plan, simulate


class Worker:
    """A workload, ready to be run: its plan is made, and one call has been done.

    With a gradient a call makes its plan anew, and ends with the backward pass; so does the image
    alone that it is held against, without that pass.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self.device, self.dtype, self.engine = job["device"], job["dtype"], job["engine"]
        self.panels = job.get("panels") or (1, 1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            self.plan = _plan(job["arguments"], job.get("panels"))
            self.call = self._gradient if job["gradient"] else self._image
            self.image = self.call()
        self.warnings = list(dict.fromkeys(str(entry.message) for entry in caught))
        self.counts = dataclasses.asdict(count_plan(self.plan))

    def ready(self) -> dict[str, Any]:
        """What the first call told: the amount of work, warnings, and the engine that does it."""
        chosen = self.chosen.to_json()
        return {"counts": self.counts, "warnings": self.warnings, "chosen": chosen}

    def _image(self) -> Tensor:
        return self._simulate(self.plan)

    def _gradient(self) -> Tensor:
        image = self._simulate(_replanned(with_parameters(self.plan.experiment)[0]))
        image.sum().backward()
        return image.detach()

    def _forward(self) -> Tensor:
        return self._simulate(_replanned(self.plan.experiment))

    def _simulate(self, plan: Plan) -> Tensor:
        dtype = getattr(torch, self.dtype)
        image = simulate(
            plan, device=self.device, dtype=dtype, engine=self.engine, chosen=self._choose
        )
        synchronize(self.device)
        return image

    def _choose(self, choice: Choice) -> None:
        self.chosen = choice

    def run(self, _: str) -> dict[str, Any]:
        """One call; the seconds it took, and the largest size that the process has had.

        forward: the seconds of the image alone, where a call is more than that
        """
        seconds, self.image = _timed(self.call)
        forward = None if self.call == self._image else _timed(self._forward)[0]
        sizes = {"resident": resident_peak(), "device": self._device_peak()}
        return {"seconds": seconds, "forward": forward, **sizes}

    def save(self, path: str) -> dict[str, Any]:
        """Writes the image as raw float32; of panels that were cut out of a plane, the plane."""
        image = self.image.detach().cpu().float()
        if image.ndim == 3:
            rows, columns = self.panels
            pieces = image.reshape(rows, columns, *image.shape[1:]).permute(0, 2, 1, 3)
            image = pieces.reshape(rows * image.shape[1], columns * image.shape[2])
        image.numpy().tofile(path)
        return {"image": path}

    def profile(self, path: str) -> dict[str, Any]:
        """Writes the trace of one call, and beside it (.txt) a table of its operators."""
        activities = [torch.profiler.ProfilerActivity.CPU]
        if self.device.startswith("cuda"):
            activities.append(torch.profiler.ProfilerActivity.CUDA)
        with torch.profiler.profile(activities=activities) as profiler:
            self.call()
        profiler.export_chrome_trace(path)
        table = profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=25)
        with open(f"{path.removesuffix('.json.gz')}.txt", "w", encoding="utf-8") as stream:
            stream.write(table)
        return {"profile": path}

    def _device_peak(self) -> int | None:
        if not self.device.startswith("cuda"):
            return None
        return int(torch.cuda.max_memory_allocated(self.device))


def _timed(call: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    image = call()
    return time.perf_counter() - start, image


def _plan(arguments: list[str], panels: tuple[int, int] | None = None) -> Plan:
    """panels: rows and columns that the plane is cut into; the profile is corrected then"""
    experiment = flags_to_experiment(arguments)
    if panels is None:
        return make_plan(experiment)
    whole = as_panels(experiment)
    assert isinstance(whole.detector, Detector)
    return make_plan(dataclasses.replace(whole, detector=whole.detector.cut(*panels)))


def _replanned(experiment: Experiment) -> Plan:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said already, of the same plan
        return make_plan(experiment)
