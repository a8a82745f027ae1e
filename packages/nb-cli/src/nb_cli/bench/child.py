"""The process that does the work: python -m nb_cli.bench.child, told what to do on its stdin.

The first line is a job, in JSON; then come orders, one a line: `run` (one timed call of simulate),
`image PATH` (the last image, raw float32), `profile PATH` (a call under torch's profiler). Each is
answered by a line of JSON. It ends with its input. What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from nb_core import Experiment
    from nb_physics import Choice, Plan

Say = Callable[[dict[str, Any]], None]


def main() -> int:
    """Answers on the stdout that it was started with; nothing else can write there."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)

        def say(answer: dict[str, Any]) -> None:
            print(json.dumps(answer), file=channel, flush=True)

        serve(sys.stdin, say)
    return 0


def serve(lines: Iterable[str], say: Say) -> None:
    """Does the job of the first line, and then what the others order."""
    orders = iter(lines)
    job = json.loads(next(orders))
    import torch

    baseline = resident_peak()
    torch.set_num_threads(job["threads"])
    if job["kind"] == "ceiling":
        from nb_cli.bench.ceiling import measure_ceiling

        amounts = {name: job[name] for name in ("threads", "steps", "edge", "copied")}
        say(measure_ceiling(job["device"], **amounts))
        return
    worker = _Worker(job)
    say({"baseline": baseline, **worker.ready()})
    for line in orders:
        order, _, path = line.strip().partition(" ")
        say({"run": worker.run, "image": worker.save, "profile": worker.profile}[order](path))


class _Worker:
    """A workload, ready to be run: its plan is made, and one call has been done.

    With a gradient a call makes its plan anew, and ends with the backward pass; so does the image
    alone that it is held against, without that pass.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        import dataclasses

        from nb_cli.bench.cost import count_plan

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
        from nb_cli.bench.gradient import with_parameters

        image = self._simulate(_replanned(with_parameters(self.plan.experiment)[0]))
        image.sum().backward()
        return image.detach()

    def _forward(self) -> Tensor:
        return self._simulate(_replanned(self.plan.experiment))

    def _simulate(self, plan: Plan) -> Tensor:
        import torch

        from nb_cli.bench.ceiling import synchronize
        from nb_physics import simulate

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
        import torch

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
        import torch

        if not self.device.startswith("cuda"):
            return None
        return int(torch.cuda.max_memory_allocated(self.device))


def _timed(call: Callable[[], Tensor]) -> tuple[float, Tensor]:
    start = time.perf_counter()
    image = call()
    return time.perf_counter() - start, image


def _plan(arguments: list[str], panels: tuple[int, int] | None = None) -> Plan:
    """panels: rows and columns that the plane is cut into; the profile is corrected then"""
    import dataclasses

    from nb_core import Detector, flags_to_experiment
    from nb_physics import as_panels, make_plan

    experiment = flags_to_experiment(arguments)
    if panels is None:
        return make_plan(experiment)
    whole = as_panels(experiment)
    assert isinstance(whole.detector, Detector)
    return make_plan(dataclasses.replace(whole, detector=whole.detector.cut(*panels)))


def _replanned(experiment: Experiment) -> Plan:
    from nb_physics import make_plan

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # said already, of the same plan
        return make_plan(experiment)


def resident_peak() -> int | None:
    """The most bytes of memory that this process has held; None where nothing says so.

    Linux: VmHWM, since ru_maxrss begins with the size of the process that started this one.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as stream:
            lines = [line.split() for line in stream if line.startswith("VmHWM:")]
        return int(lines[0][1]) * 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    sys.exit(main())
