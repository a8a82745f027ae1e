"""`repr` of every public object is short: no memory address, no page of numbers."""

import dataclasses
import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nb_bench import Bench, Folders, Settings
from nb_core import (
    EXPERIMENT_FORMATS,
    STRUCTURE_SOURCES,
    BackgroundConfig,
    BeamConfig,
    CrystalConfig,
    Detector,
    DetectorConfig,
    Experiment,
    Mask,
    OrientationMatrix,
    Panel,
    PanelGroup,
    Roi,
    Sensor,
    SourceTable,
    StructureFactors,
    image_formats,
)
from nb_core.configs import Scalar
from nb_core.ran1 import Ran1
from nb_core.showing import Brief
from nb_physics import (
    Background,
    Crystal,
    ScatteredRays,
    Simulator,
    TangentRunner,
    known_engines,
    make_plan,
    simulate,
)
from nb_physics import Detector as Placed
from nb_physics.scene import make_scene
from nb_refine import Refinement
from nb_taps import PixelRecorder, choose_taps, collect_taps, make_manager, trace_pixels

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md"
LONGEST = 1000
"""Characters: three lines of a wide window; the most fields that a public object has are 23."""

SIGNS_OF_PAGES = re.compile(r" at 0x|\n|tensor\(\[|array\(")
MANY = 1000


def public_classes() -> list[type]:
    """Those that the reference lists, but errors, enumerations and protocols."""
    text = REFERENCE.read_text(encoding="utf-8")
    _, *sections = re.split(r"^## (\w[\w.]*)$", text, flags=re.MULTILINE)
    found: dict[str, type] = {}
    for module, section in zip(sections[::2], sections[1::2], strict=True):
        for name in re.findall(r"^### (\w+)$", section, re.MULTILINE):
            thing = getattr(importlib.import_module(module), name)
            plain = inspect.isclass(thing) and not issubclass(thing, enum.Enum | BaseException)
            if plain and not getattr(thing, "_is_protocol", False):
                found[f"{module}.{name}"] = thing
    return list(found.values())


CLASSES = public_classes()


def is_general(cls: type) -> bool:
    """Whether its text is made of its fields, whatever they hold: dataclass's own, or Brief's."""
    if not dataclasses.is_dataclass(cls):
        return False
    return vars(cls)["__dataclass_params__"].repr or cls.__repr__ is Brief.__repr__


def stuffed(cls: type) -> Any:
    """An object whose fields hold much of what their annotations allow, made without checks."""
    thing = object.__new__(cls)
    for field in dataclasses.fields(cls):
        object.__setattr__(thing, field.name, filling(str(field.type)))
    return thing


def filling(annotation: str) -> object:
    kinds = {
        r"Mapping|dict": {f"name{i}": np.zeros((64, 64)) for i in range(MANY)},
        r"[Tt]uple|[Ll]ist|Sequence": tuple(np.zeros((64, 64)) for _ in range(MANY)),
        r"Tensor|Scalar": torch.zeros(64, 64),
        r"ndarray": np.zeros((64, 64)),
        r"Path": Path("folder") / ("x" * MANY),
        r"\bstr\b": "some words of text",
        r"\bint\b": 2**31,
        r"\bfloat\b": 1 / 3,
        r"\bbool\b": True,
    }
    for pattern, value in kinds.items():
        if re.search(pattern, annotation):
            return value
    return Part()


class Part:
    """What a field holds whose type is another's class: its text is not long, as this test says."""

    def __repr__(self) -> str:
        return f"Part({'x' * 100})"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """Objects as people meet them, and all that these hold."""
    h = torch.full((21, 21, 21), 100.0, dtype=torch.float64)
    crystal = CrystalConfig(cell_a=70, cell_b=80, cell_c=90, default_F=100, mosaic_domains=1)
    small = Experiment(crystal, DetectorConfig(fpixels=8, spixels=8, pixel_size_mm=2.0))
    full = dataclasses.replace(
        small,
        crystal=CrystalConfig(matrix=OrientationMatrix(torch.eye(3) / 70), default_F=1),
        beam=BeamConfig(sources=SourceTable(np.ones((99, 3)), np.ones(99), np.ones(99) * 1e-10)),
        structure_factors=StructureFactors(h, h > 0, -10, -10, -10, 9261),
        roi=Roi(0, 3, 0, 3),
        mask=Mask(np.ones((8, 8))),
    )
    axes = ((1, 0, 0), (0, -1, 0))
    more = {"group": "g", "sensor": Sensor(100.0, 200.0)}
    panels = [Panel(f"p{i}", (0, 20 * i, 100), *axes, 2.0, (8, 8), **more) for i in range(99)]
    of_panels = Experiment(
        crystal,
        Detector(panels, groups=(PanelGroup("g"),)),
        background=BackgroundConfig(terms=(Flat(scale=2.0),)),
    )
    folders = Folders(None, tmp_path_factory.mktemp("bench"))
    plan, placed = make_plan(small), Placed(small.detector)
    taps = choose_taps(collect_taps(make_manager()), None)
    eager, cpu = known_engines()["eager"].thing, torch.device("cpu")
    roots = [
        *(small, full, of_panels, plan, make_plan(full), make_plan(of_panels)),
        *(Crystal(crystal), placed, Simulator(Crystal(crystal), placed)),
        *(Ran1(1), PixelRecorder([(0, 0)], ["omega"], 8), trace_pixels(small, [(3, 3)], taps)),
        *(eager.prepare(make_scene(plan), torch.float64, cpu), Tangents()),
        *(image_formats(), EXPERIMENT_FORMATS.known(), STRUCTURE_SOURCES.known(), known_engines()),
        *(Refinement(small, simulate(small) + 1), Bench(bench_settings(folders))),
    ]
    return list(parts_of(roots, {}))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Flat(Background):
    """The same in all directions."""

    name = "flat"
    label = "flat"
    summary = "the same in all directions"

    scale: Scalar = 1.0

    def intensity(self, rays: ScatteredRays) -> torch.Tensor:
        return self.scale * torch.ones_like(rays.stol)


class Tangents(TangentRunner):
    """One that needs no compiler."""

    device = torch.device("cpu")

    def ranges(self, count: int) -> Iterator[tuple[int, int]]:
        yield 0, count

    def jvp(self, *_: Any) -> Any:
        raise NotImplementedError


def parts_of(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """The objects of nb and of this file among a thing and all that it holds, each once."""
    if isinstance(thing, dict):
        thing = list(thing.values())
    if isinstance(thing, list | tuple) and not hasattr(thing, "_fields"):
        for part in thing:
            yield from parts_of(part, seen)
    elif id(thing) not in seen and type(thing).__module__.startswith(("nb_", __name__)):
        seen[id(thing)] = thing
        yield thing
        yield from parts_of(getattr(thing, "__dict__", {}), seen)


def bench_settings(folders: Folders) -> Settings:
    return Settings("cpu", ("eager",), 1, 1, False, None, folders.artefacts, 0, False, None)


def check(text: str) -> None:
    assert not SIGNS_OF_PAGES.search(text), text[:LONGEST]
    assert len(text) <= LONGEST, text[:LONGEST]


@pytest.mark.parametrize(
    "cls", [one for one in CLASSES if is_general(one)], ids=lambda c: c.__name__
)
def test_the_text_of_a_full_object_is_short(cls: type) -> None:
    text = repr(stuffed(cls))
    check(text)
    assert text.startswith(f"{cls.__name__}(")


def test_the_text_of_what_people_meet_is_short(objects: list[Any]) -> None:
    assert len(objects) > 300
    texts = {type(thing).__name__: repr(thing) for thing in objects}
    bad = {name: text for name, text in texts.items() if SIGNS_OF_PAGES.search(text)}
    assert list(bad) == []


@pytest.mark.parametrize(
    "cls", [c for c in CLASSES if not is_general(c) and c is not Brief], ids=lambda c: c.__name__
)
def test_each_other_public_class_is_among_these(cls: type, objects: list[Any]) -> None:
    assert any(isinstance(thing, cls) for thing in objects)
