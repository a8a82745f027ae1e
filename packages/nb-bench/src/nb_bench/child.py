"""The process that does the work: python -m nb_bench.child, told what to do on its stdin.

The first line is a job, in JSON; then come orders, one a line: `run` (one timed call of simulate),
`image PATH` (the last image, raw float32), `profile PATH` (a call under torch's profiler). Each is
answered by a line of JSON. It ends with its input. What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

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
        from nb_bench.ceiling import measure_ceiling

        amounts = {name: job[name] for name in ("threads", "steps", "edge", "copied")}
        say(measure_ceiling(job["device"], **amounts))
        return
    from nb_bench.worker import Worker

    worker = Worker(job)
    say({"baseline": baseline, **worker.ready()})
    for line in orders:
        order, _, path = line.strip().partition(" ")
        say({"run": worker.run, "image": worker.save, "profile": worker.profile}[order](path))


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
