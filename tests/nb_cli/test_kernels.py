"""nb kernels, and what the other commands say of the engine; no kernel is compiled here."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile

import pytest
import torch

from nb_core import flags_to_experiment
from nb_physics import kept_kernels, kernels_of
from nb_physics.engine import cache, make
from nb_physics.engine.cache import keep


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path_factory):
    """The folder of kernels, empty; and nothing known of failures."""
    folder = tmp_path_factory.mktemp("cache") / "kernels"
    monkeypatch.setenv("NB_CACHE_DIR", str(folder))
    monkeypatch.setattr(make, "_failures", {})
    monkeypatch.setattr(make, "_not_kept", {})
    return folder


@pytest.fixture
def made(tmp_path_factory):
    """A file as the compiler leaves it; no kernel is in it."""
    path = tmp_path_factory.mktemp("made") / "kernel.pt2"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("kernel.so", bytes(2_000_000))
    return path


@pytest.fixture
def compiler(monkeypatch, made):
    """Stands in for the compiler; the kernels that it built."""
    built = []

    def start(kernel, folder):
        built.append(kernel)
        shutil.copyfile(made, folder / make.MADE)
        process = subprocess.Popen([sys.executable, "-c", ""], start_new_session=True)
        return make.Running(kernel, folder, process)

    monkeypatch.setattr(make, "start", start)
    return built


@pytest.fixture
def kernel(tiny):
    """The one that adds the terms of the tiny experiment."""
    return kernels_of(flags_to_experiment(tiny))[0]


class TestList:
    def test_none(self, nb, kept):
        assert nb("kernels list").out == f"0 kernels, 0.0 MB, in {kept}\n"

    def test_each_has_its_kind_size_and_age(self, nb, kept, kernel, made):
        path = keep(bytes(2_000_000), kernel, 1.0)
        then = time.time() - 3 * 3600 - 5
        os.utime(path, (then, then))
        head, line, total = nb("kernels list").out.splitlines()
        assert head.split() == ["kernel", "size", "used"]
        assert line == "terms of a sub-pixel: parallelepiped, float64  2.0 MB  3 hours ago"
        assert total == f"1 kernel, 2.0 MB, in {kept}"

    def test_those_that_are_not_taken_say_why(self, nb, kept, kernel, made, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(cache, "_source_digest", lambda: "older")
            keep(bytes(2_000_000), kernel, 1.0)
        with monkeypatch.context() as patch:
            patch.setattr(cache, "take_out_useless", lambda: None)
            patch.setattr(cache, "_processor", lambda: "another")
            keep(bytes(2_000_000), kernel, 1.0)
        shutil.copyfile(made, kept / "whole-square-fd41.pt2")
        out = nb("kernels list").out
        old = f"old: another version of nb or Python, or torch {torch.__version__}"
        assert [line.split("  ")[-1] for line in out.splitlines()[1:-1]].count(old) == 1
        assert "for another processor\n" in out
        assert "whole-square-fd41.pt2" in out
        assert "torch unknown" in out

    def test_a_folder_that_is_none(self, refused, kept):
        kept.write_bytes(b"a file")
        line = refused("kernels", "list")
        assert (
            line == f"nb: kernels: {kept}: cannot be read: Not a directory; "
            "NB_CACHE_DIR names another folder"
        )


class TestBuild:
    def test_what_is_missing_is_built_and_said(self, nb, tiny, compiler, kept):
        ran = nb("kernels", "build", "--", *tiny)
        assert ran.code == 0
        assert ran.out.splitlines() == [
            "built: terms of a sub-pixel: parallelepiped, float64",
            "built: photons of the sums: parallelepiped, float64",
            f"in {kept}",
        ]
        said = ran.err.splitlines()
        assert said[0].startswith(
            "nb: building compiled kernels for this kind of work, once (about"
        )
        assert said[-1].startswith("nb: built in ")
        assert len(compiler) == len(kept_kernels()) == 2
        again = nb("kernels", "build", "--", *tiny)
        assert (again.code, again.err) == (0, "")
        assert again.out.count("there already: ") == 2
        assert len(compiler) == 2

    def test_an_experiment_file_and_options(self, nb, tiny, compiler, folder):
        text = nb("config", "convert", "--", *tiny).out
        (folder / "x.toml").write_text(text)
        ran = nb("kernels build --dtype float32 --gradient x.toml -- -round_xtal")
        assert ran.code == 0
        assert {kernel.dtype for kernel in compiler} == {"float32"}
        assert {kernel.kind.shape.name for kernel in compiler} == {"round"}
        assert [kernel.gradient for kernel in compiler].count(True) == 2
        assert "built: gradient of terms of a sub-pixel: ellipsoid, float32" in ran.out

    def test_those_of_a_refinement(self, nb, tiny, compiler):
        """Predicted spots, broad ones and true ones, with the derivatives of each pixel."""
        ran = nb("kernels", "build", "--refine", "misset, scale", "--", *tiny)
        assert (ran.code, ran.warnings) == (0, [])
        derived = {kernel.kind.shape.name for kernel in compiler if kernel.by_pixel}
        assert derived == {"gauss", "square"}
        assert {kernel.kind.shape.name for kernel in compiler if not kernel.gradient} == {"tophat"}
        assert "derivatives of each pixel: Gaussian spots, float64" in ran.out

    def test_a_refinement_without_kernels(self, nb, tiny, compiler):
        ran = nb("kernels", "build", "--refine", "scale", "--", *tiny, "-curved_det")
        assert ran.code == 0
        assert "derivatives by some of these parameters have no kernels" in ran.warnings[-1]
        assert not any(kernel.gradient for kernel in compiler)

    def test_a_refinement_of_nothing_known(self, refused, tiny):
        line = refused("kernels", "build", "--refine", "mist", "--", *tiny)
        assert "mist: expected some of: misset" in line
        line = refused("kernels", "build", "--gradient", "--refine", "misset", "--", *tiny)
        assert line == "nb: --gradient: with --refine: leave one out: " + (
            "a refinement has gradients of its own"
        )

    def test_a_gradient_without_kernels(self, nb, tiny, compiler):
        ran = nb("kernels", "build", "--gradient", "--", *tiny, "-dmin", "3")
        assert ran.code == 0
        assert ran.warnings == [
            "nb: warning: no kernels of the gradient: with dmin or -oversample_thick, _polar, "
            "_omega it is computed eagerly"
        ]
        assert not any(kernel.gradient for kernel in compiler)

    def test_a_compiler_that_fails(self, nb, tiny, kept, monkeypatch):
        monkeypatch.setattr(make.sys, "executable", "/none/python")
        ran = nb("kernels", "build", "--", *tiny)
        assert ran.code == 6
        assert ran.errors[-1] == "nb: /none/python: No such file or directory"
        assert not kept.exists()

    def test_a_folder_that_cannot_be_written_to(self, refused, tiny, kept, compiler):
        kept.write_bytes(b"a file")
        line = refused("kernels", "build", "--", *tiny)
        assert line.startswith(f"nb: {kept}: takes no kernels: ")
        assert compiler == []

    def test_an_interruption_leaves_nothing(self, nb, tiny, kept, compiler, monkeypatch):
        def interrupted(running, say):
            raise KeyboardInterrupt

        monkeypatch.setattr(make, "_as_they_end", interrupted)
        ran = nb("kernels", "build", "--", *tiny)
        assert ran.code == 130
        assert ran.errors[-1] == "nb: interrupted; nothing unfinished was left behind"
        assert not kept.exists()

    def test_bad_input(self, refused):
        assert "experiment" in refused("kernels", "build")
        assert "no such file" in refused("kernels", "build", "none.toml")
        assert "--dtype" in refused("kernels", "build", "--dtype", "int8", "x.toml")


class TestClear:
    def test_all(self, nb, kept, kernel, made):
        keep(bytes(2_000_000), kernel, 1.0)
        assert nb("kernels clear").out == f"removed 1 kernel, 2.0 MB, from {kept}\n"
        assert list(kept.iterdir()) == []
        assert nb("kernels clear").out == f"removed 0 kernels, 0.0 MB, from {kept}\n"

    def test_old_ones_only(self, nb, kept, kernel, made):
        path = keep(bytes(2_000_000), kernel, 1.0)
        shutil.copyfile(made, kept / "whole-square-fd41.pt2")
        assert "removed 1 kernel," in nb("kernels clear --old").out
        assert [entry.path for entry in kept_kernels()] == [path]

    def test_one_that_cannot_be_removed(self, refused, kept, kernel, made):
        keep(bytes(2_000_000), kernel, 1.0)
        path = kept / "whole-square-fd41.pt2"
        path.mkdir()
        assert refused("kernels", "clear", "--old").startswith(f"nb: {path}: cannot be removed: ")


class TestEngineIsSaid:
    def engine(self, ran):
        (line,) = re.findall(r"^  engine +(.*)$", ran.out, re.MULTILINE)
        return line

    def test_building_would_cost_more(self, nb, tiny):
        line = self.engine(nb("simulate", "--", *tiny))
        building = r"building 2 kernels \(about [\w ]+\)"
        assert re.fullmatch(f"eager: {building} would cost more than it saves", line)

    def test_asked_for(self, nb, tiny):
        line = self.engine(nb("simulate", "--engine", "eager", "--", *tiny))
        assert line == "eager: asked for"

    def test_kernels_at_hand(self, nb, tiny, made, monkeypatch):
        """The file that stands for a kernel cannot be loaded, which is said; the image is there."""
        words = [*tiny, "-detpixels", "64"]
        for kernel in kernels_of(flags_to_experiment(words)):
            keep(bytes(2_000_000), kernel, 1.0)
        ran = nb("simulate", "--", *words)
        assert ran.code == 0
        assert self.engine(ran) == "compiled: kernels at hand"
        assert [line for line in ran.warnings if "could not be loaded" in line]

    def test_compare_says_it(self, nb):
        """Of a comparison, the engine that computed the image."""
        from nb_cli.commands.compare import describe
        from nb_compare.compare import Comparison

        engine = {"name": "eager", "reason": "asked for", "kernels": []}
        nb_facts = {"seconds": 1.0, "engine": engine}
        metrics = dict.fromkeys(
            ("correlation", "sum_ratio", "mse", "rmse", "max_difference", "max_relative"), 1.0
        )
        summary = {
            "metrics": metrics | {"worst": (0, 0), "same_float32": 1.0},
            "peaks": {
                "matched": 0,
                "reference": 0,
                "image": 0,
                "mean_displacement": None,
                "max_displacement": None,
            },
            "reference": {"seconds": None},
            "nb": nb_facts,
            "reasons": [],
            "verdict": "agree",
        }
        from pathlib import Path

        text = describe(Comparison(summary, Path("out")))
        assert "engine            eager: asked for" in text
