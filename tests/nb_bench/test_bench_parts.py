"""The parts of nb bench: workloads, costs, the child's work, parity and text."""

import dataclasses
import gzip
import json

import numpy as np
import pytest
import torch

import nb_physics
from nb_bench.ceiling import measure_ceiling
from nb_bench.child import resident_peak, serve
from nb_bench.cost import Ceiling, Cost, Counts, cost_of, count_arguments, lattice_operations
from nb_bench.gradient import with_parameters
from nb_bench.measure import _parity
from nb_bench.plot import save_scaling
from nb_bench.rows import Against, Beside, Memory, Parity, Row, Run, Times
from nb_bench.table import aligned, describe
from nb_bench.workloads import choose_workloads, rotation, still, suite_entries, thread_counts
from nb_core import CrystalShape, flags_to_experiment
from nb_core.flags.parse import read_options
from nb_physics import lattice_factor, simulate
from nb_physics.lattice import Square

OTHERS = {"hkl-list", "saxs", "sources", "layers", "rotation", "gradient", "panels"}
COUNTS = Counts(
    pixels=256,
    slow=16,
    fast=16,
    layers=1,
    oversample=1,
    sources=1,
    phi=1,
    domains=1,
    shape="square",
    lattice=Square.operations,
    interpolated=False,
    entries=1,
    absorbing=False,
)
CEILING = Ceiling(float64=1e10, float32=2e10, copy=1e10, by="chains of multiply-adds")


def row_of(workload, counts=COUNTS, against=None, **more):
    values = {
        "arguments": workload.flags,
        "run": Run("cpu", "compiled", workload.threads or 1),
        "chosen": {"name": "compiled", "reason": "asked for", "kernels": []},
        "cold": Times((3.0,)),
        "cached": Times((2.0, 2.5)),
        "warm": Times((1.0, 2.0)),
        "forward": None,
        "beside": None,
        "memory": Memory(None, None, None),
        "ceiling": CEILING,
        "warnings": (),
    }
    return Row(workload=workload, counts=counts, against=against, **values | more)


class TestWorkloads:
    @pytest.mark.parametrize("suite", ["quick", "full", "shared"])
    def test_nanobragg_has_all_options(self, suite):
        for workload in choose_workloads(suite, cores=2):
            assert list(read_options(workload.flags))

    def test_the_full_suite_has_every_kind(self):
        kinds = {workload.kind for workload in choose_workloads("full", cores=2)}
        steps = {"still", "steps", "cubic-steps", "threads"}
        shapes = {"gauss", "round", "tophat"}
        assert kinds == steps | shapes | OTHERS
        names = {workload.name for workload in choose_workloads("full")}
        assert {f"still-{size}" for size in (256, 512, 1024, 2048, 4096)} <= names
        assert {f"steps-{count}-512" for count in (1, 10, 100, 1000, 10000)} <= names
        assert {w.dtype for w in choose_workloads("full", names=["still"])} == {
            "float64",
            "float32",
        }

    def test_sizes_replace_those_of_each(self):
        found = choose_workloads(
            "full", sizes=[16, 32], dtype="float64", names=["still", "rotation"]
        )
        names = [workload.name for workload in found]
        assert names == ["still-16", "still-32", "rotation-16", "rotation-32"]
        assert all(workload.roi is None for workload in found)

    def test_the_field_of_view_is_that_of_all_sizes(self):
        for size in (16, 4096):
            words = still(size).flags
            pixel = float(words[words.index("-pixel") + 1])
            assert pixel * size == pytest.approx(0.05 * 4096)

    @pytest.mark.parametrize(
        ("cores", "counts"),
        [(1, [1]), (3, [1, 2, 3]), (6, [1, 2, 3, 4, 6]), (16, [1, 2, 3, 4, 8, 16])],
    )
    def test_threads(self, cores, counts):
        assert thread_counts(cores) == counts
        found = [w.threads for w in choose_workloads("full", cores=cores) if w.kind == "threads"]
        assert found == counts

    def test_the_quick_suite_is_part_of_the_full_ones_kinds(self):
        full = {workload.kind for workload in choose_workloads("full")}
        assert {workload.kind for workload in choose_workloads("quick")} <= full
        assert {workload.kind for workload in choose_workloads("shared")} <= full
        assert len(suite_entries("quick", 1)) == 4

    @pytest.mark.filterwarnings("ignore:oversample 1")
    def test_a_gradient_is_of_what_a_refinement_moves(self):
        (workload,) = choose_workloads("quick", names=["gradient"], sizes=[32])
        assert (workload.name, workload.gradient) == ("gradient-50-32", True)
        experiment, parameters = with_parameters(flags_to_experiment(workload.flags))
        image = simulate(experiment, engine="eager")
        found = torch.autograd.grad(image.sum(), parameters)
        assert sum(gradient.numel() for gradient in found) == 14
        assert all((gradient != 0).any() for gradient in found)


class TestCost:
    def test_a_still(self):
        cost = cost_of(COUNTS, "float64")
        assert cost == Cost(
            256 * (34 + 39 + 6 + 24 + 17 + 6 * 20 + 4), 0, 256 * 8 + 1 * 8 + 72 + 32
        )
        assert cost.operations == cost.operations64

    def test_float32_keeps_phases_in_float64(self):
        cost = cost_of(COUNTS, "float32")
        assert cost.operations64 == 256 * (34 + 39 + 6 + 24)
        assert cost.operations32 == 256 * (17 + 6 * 12 + 4)

    def test_steps_sources_and_layers_multiply(self):
        counts = dataclasses.replace(COUNTS, layers=2, oversample=3, sources=5, phi=7, domains=11)
        assert counts.evaluations == 256 * 2 * 9 * 5 * 7 * 11
        rays = 256 * 2 * 9
        per_evaluation = 24 + 4 + lattice_operations(Square.operations, "float64")
        expected = counts.evaluations * per_evaluation + rays * (39 + 5 * 6) + 256 * 34
        assert cost_of(counts, "float64").operations == expected

    def test_lists_interpolation_and_absorption_add(self):
        plain = cost_of(COUNTS, "float64").operations
        listed = dataclasses.replace(COUNTS, entries=1000)
        assert cost_of(listed, "float64").operations == plain + 256 * 13
        assert cost_of(listed, "float64").bytes == cost_of(COUNTS, "float64").bytes + 999 * 8
        tricubic = dataclasses.replace(listed, interpolated=True)
        assert cost_of(tricubic, "float64").operations == plain + 256 * 216
        absorbing = dataclasses.replace(COUNTS, absorbing=True)
        assert cost_of(absorbing, "float64").operations == plain + 256 * (11 + 2 * 28)

    def test_every_shape_is_counted(self):
        counted = {"square": 17 + 6 * 20, "round": 27 + 20 + 16, "gauss": 24 + 28, "tophat": 24}
        for shape in CrystalShape:
            operations = lattice_factor(shape).operations
            assert lattice_operations(operations, "float64") == counted[shape.value]
            more = lattice_operations(operations, "float64")
            assert lattice_operations(operations, "float32") < more or shape.value == "tophat"

    def test_the_least_time(self):
        assert CEILING.seconds(Cost(10**10, 2 * 10**10, 0)) == 2
        assert CEILING.seconds(Cost(10**10, 0, 3 * 10**10)) == 3

    def test_counts_of_a_plan(self):
        words = f"{' '.join(still(16).flags)} -thicksteps 4 -detector_thick 100 -phisteps 3 -osc 1"
        counts = count_arguments(f"{words} -round_xtal -roi 0 7 2 5".split())
        assert (counts.pixels, counts.whole) == (32, 256)
        assert (counts.layers, counts.phi, counts.shape) == (4, 3, "round")
        assert counts.absorbing
        assert counts.evaluations == 32 * 4 * 3

    def test_the_ceiling_is_measured(self):
        found = Ceiling(**measure_ceiling("cpu", threads=2, steps=100, edge=8, copied=1024))
        assert min(found.float64, found.float32, found.copy) > 0
        assert found.by == "chains of multiply-adds"

    def test_without_a_compiler_the_ceiling_is_that_of_a_matrix_product(self, monkeypatch):
        monkeypatch.setenv("CXX", "no-such-compiler")
        found = Ceiling(**measure_ceiling("cpu", threads=1, steps=100, edge=8, copied=1024))
        assert min(found.float64, found.float32, found.copy) > 0
        assert found.by == "matrix product"


class TestChild:
    @pytest.fixture
    def answers(self, monkeypatch):
        """Serves orders in this process."""
        engines = []

        def call(*orders, **more):
            job = {
                "kind": "work",
                "arguments": list(still(16).flags),
                "dtype": "float64",
                "device": "cpu",
                "engine": "eager",
                "gradient": False,
                "threads": torch.get_num_threads(),
            }
            said = []
            serve([json.dumps(job | more), *orders], said.append)
            return said, engines

        real = nb_physics.simulate

        def simulate(plan, *, engine, **more):
            engines.append(engine)
            return real(plan, engine=engine, **more)

        monkeypatch.setattr("nb_bench.worker.simulate", simulate)
        return call

    def test_it_runs_once_untimed_and_then_as_told(self, answers):
        (ready, first, second), engines = answers("run\n", "run\n")
        assert engines == ["eager"] * 3
        assert ready["counts"]["slow"] == 16
        assert ready["chosen"]["name"] == "eager"
        assert first["seconds"] > 0
        assert second["resident"] >= first["resident"] >= ready["baseline"]
        assert first["device"] is None
        json.dumps(ready)

    def test_a_gradient_is_timed_with_its_image_and_the_image_alone(self, answers):
        (_, said), engines = answers("run", gradient=True)
        assert engines == ["eager"] * 3
        assert min(said["seconds"], said["forward"]) > 0

    def test_it_tells_what_was_warned_of(self, answers):
        (ready,), _ = answers(arguments=[*still(16).flags, "-N", "500"])
        assert any("oversample" in text for text in ready["warnings"])

    def test_it_writes_the_image(self, answers, tmp_path):
        answers("run", f"image {tmp_path / 'image'}", dtype="float32")
        image = np.fromfile(tmp_path / "image", "<f4")
        assert image.size == 256
        assert image.max() > 0

    def test_it_traces_a_call(self, answers, tmp_path):
        answers(f"profile {tmp_path / 'trace'}.json.gz")
        with gzip.open(tmp_path / "trace.json.gz", "rt") as stream:
            assert json.load(stream)["traceEvents"]
        assert "CPU" in (tmp_path / "trace.txt").read_text()

    def test_it_measures_the_ceiling(self, answers):
        (found,), engines = answers(kind="ceiling", steps=100, edge=8, copied=1024)
        assert Ceiling(**found).float64 > 0
        assert engines == []

    def test_resident_memory(self):
        assert resident_peak() > 10 * 2**20


class TestParity:
    def test_only_what_was_rendered_counts(self, tmp_path):
        workload = dataclasses.replace(rotation(2527), roi=(0, 7, 2, 3))
        counts = dataclasses.replace(COUNTS, pixels=16, slow=6, fast=8)
        theirs = np.arange(48, dtype="<f4")
        ours = theirs.copy()
        ours[20] += 2
        ours[0] = 1000
        ours.tofile(tmp_path / "a")
        theirs.tofile(tmp_path / "b")
        found = _parity(tmp_path / "a", tmp_path / "b", workload, counts)
        assert found.max_difference == 2
        assert found.max_relative == pytest.approx(2 / 31)
        assert found.sum_ratio > 1

    def test_what_json_cannot_say_is_null(self):
        parity = Parity(float("nan"), float("inf"), 0.0, 0.0)
        assert parity.to_json()["correlation"] is None
        assert parity.to_json()["sum_ratio"] is None


class TestText:
    def test_an_extrapolation_is_said(self):
        workload = rotation(2527)
        counts = dataclasses.replace(COUNTS, pixels=25, slow=10, fast=10)
        against = Against(("c",), Times((4.0, 6.0)), Parity(1.0, 1.0, 0.0, 0.0))
        row = row_of(workload, counts, against)
        assert row.ratios == [4, 3]
        text = describe([row])
        assert (
            "rotation-6m float64: rendered -roi 0 2462 1136 1391; the whole image of 100 pixels"
            in text
        )
        assert text.splitlines()[-1].endswith("extrapolated by their number: nb 6 s, C 20 s")
        whole = row.to_json()["whole_image"]
        assert (whole["extrapolated"], whole["warm_s"], whole["c_s"]) == (True, 6, 20)

    def test_nothing(self):
        assert describe([]) == "nothing was measured"

    def test_columns_are_aligned(self):
        assert aligned(("a", "bb"), [("xyz", "1")]) == "a    bb\nxyz   1"

    def test_the_plot_has_curves_or_says_that_there_are_none(self, tmp_path):
        against = Against(("c",), Times((4.0, 6.0)), Parity(1.0, 1.0, 0.0, 0.0))
        chosen = choose_workloads("full", sizes=[16, 32], names=["still", "steps"])
        beside = Beside(2, Times((3.0,)))
        rows = [row_of(workload, against=against, beside=beside) for workload in chosen]
        save_scaling(rows, tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
