"""Texts of objects: short, without addresses, and escaped in HTML."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import pluggy
import pytest
import torch

from nb_core import (
    BeamConfig,
    CrystalConfig,
    Detector,
    DetectorConfig,
    Experiment,
    InputError,
    Panel,
    hookimpl,
    hooks,
)
from nb_core.plugins import GROUP
from nb_core.showing import Brief, brief, rows_to_html, rows_to_text


class Colour(Enum):
    RED = "r"


@dataclass(frozen=True, eq=False, repr=False)
class Thing(Brief):
    values: np.ndarray
    name: str = "thing"
    count: int = 1


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(CrystalConfig(cell_a=70, default_F=100), beam=BeamConfig(wavelength_A=1.5))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor(1.5, requires_grad=True), "1.5"),
        (torch.tensor([1, 2]), "[1, 2]"),
        (torch.zeros(3, 512, dtype=torch.float64), "float64 (3, 512)"),
        (np.zeros((2, 3), dtype=np.uint16), "uint16 (2, 3)"),
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
        (Colour.RED, "RED"),
        (Path("a"), "'a'"),
        ("x" * 200, repr("x" * 80 + "...")),
        ((1,), "(1,)"),
        ([1, 2], "[1, 2]"),
        (tuple(range(100)), "(0, 1, 2, 3, ... 96 more)"),
        (["y" * 60] * 2, "[2 of str]"),
        ({"a": 1}, "{'a': 1}"),
        ({"a": 1, "b": "z" * 79}, "{of 'a', 'b'}"),
        ({i: i for i in range(9)}, "{of 0, 1, 2, 3, ... 5 more}"),
        (len, "len"),
        (object(), "object(...)"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_in_a_short_line(value: object, text: str) -> None:
    assert brief(value) == text


def test_a_dataclass_shows_what_differs_from_its_defaults() -> None:
    assert repr(Thing(np.zeros((9, 9)))) == "Thing(values=float64 (9, 9))"
    shown = repr(Thing(np.zeros(1), name="other", count=2))
    assert shown == "Thing(values=[0], name='other', count=2)"


def test_rows_are_aligned_and_escaped() -> None:
    rows = [("a", "x < 1 & y"), ("<long>", "z")]
    assert rows_to_text(rows) == "  a       x < 1 & y\n  <long>  z"
    html = rows_to_html(rows)
    assert "&lt;long&gt;" in html
    assert "x &lt; 1 &amp; y" in html
    assert rows_to_text([]) == ""


def test_many_panels_are_counted_in_a_text() -> None:
    panels = [Panel(f"p{i}", (0, 0, 100), (1, 0, 0), (0, -1, 0), 0.1, (8, 8)) for i in range(100)]
    text = repr(Detector(panels))
    assert "... 94 more" in text
    assert "p99" not in text


def manager_with(monkeypatch: pytest.MonkeyPatch, *plugins: object) -> None:
    """What `print(experiment)` asks, with these plugins and no installed ones."""

    def make(**_: object) -> pluggy.PluginManager:
        manager = pluggy.PluginManager(GROUP)
        manager.add_hookspecs(hooks)
        for plugin in plugins:
            manager.register(plugin)
        return manager

    monkeypatch.setattr("nb_core.experiment_rows.make_manager", make)


def test_an_experiment_alone_lists_its_configs(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager_with(monkeypatch)
    lines = str(experiment).splitlines()
    assert lines[0] == "  crystal     cell_a=70, default_F=100"
    assert "  beam        wavelength_A=1.5" in lines
    assert "  detector    defaults" in lines
    assert "wavelength_A=1.5" in experiment._repr_html_()


def test_an_experiment_is_described_by_the_package_that_knows(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Knows:
        @hookimpl
        def nb_describe_experiment(self, experiment: Experiment) -> list[tuple[str, str]]:
            return [("cell", f"<{experiment.crystal.cell_a}>")]

    manager_with(monkeypatch, Knows())
    assert str(experiment) == "  cell  <70>"
    assert "&lt;70&gt;" in experiment._repr_html_()


def test_an_experiment_that_cannot_be_simulated_says_why(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refuses:
        @hookimpl
        def nb_describe_experiment(self, experiment: Experiment) -> None:
            raise InputError("phi_steps", 0, "give more")

    manager_with(monkeypatch, Refuses())
    assert str(experiment).splitlines()[-1] == "  no image    phi_steps: 0: give more"


def test_the_text_of_an_experiment_reads_like_its_making(experiment: Experiment) -> None:
    text = repr(Experiment(experiment.crystal, DetectorConfig(fpixels=64)))
    assert text.startswith("Experiment(crystal=CrystalConfig(cell_a=70, default_F=100), ")
    assert "\n" not in text
