"""Files of an image in one call, from Python."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from nb_core import (
    CrystalConfig,
    Detector,
    DetectorConfig,
    Experiment,
    InputError,
    OutputConfig,
    OutputError,
    Panel,
    Profile,
    read_image,
)
from nb_core.formats import read_floats
from nb_physics import chosen_outputs, digital_image, make_plan, simulate, write_outputs


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def experiment() -> Experiment:
    return Experiment(
        CrystalConfig(cell_a=70, cell_b=80, cell_c=90, default_F=100),
        DetectorConfig(fpixels=8, spixels=6, pixel_size_mm=2.0),
        profile=Profile.REFERENCE,
        outputs=OutputConfig(noise_seed=1),
    )


def of_panels(experiment: Experiment, count: int) -> Experiment:
    panels = [
        Panel(f"p{i}", (-8.0, 8.0 - 20 * i, 100.0), (1, 0, 0), (0, -1, 0), 2.0, (6, 8))
        for i in range(count)
    ]
    return Experiment(experiment.crystal, Detector(panels))


def test_without_names_the_files_of_nanobragg_are_written(
    experiment: Experiment, folder: Path
) -> None:
    plan = make_plan(experiment)
    image = simulate(plan)
    figures, written = write_outputs(plan, image)
    names = ["floatimage.bin", "intimage.img", "image.pgm", "noiseimage.img"]
    assert [entry.path for entry in written] == names
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    assert written[0].what == "photons, raw float32"
    assert np.array_equal(read_floats("floatimage.bin", (6, 8)), image.float().numpy())
    assert figures.maximum == image.float().max().item()


def test_in_the_corrected_profile_names_end_in_a_number(experiment: Experiment) -> None:
    plan = make_plan(dataclasses.replace(experiment, profile=Profile.CORRECTED))
    _, written = write_outputs(plan, simulate(plan))
    assert [entry.path for entry in written][1] == "intimage_0001.img"


def test_what_the_experiment_names_is_written(experiment: Experiment, folder: Path) -> None:
    plan = make_plan(dataclasses.replace(experiment, outputs=OutputConfig(floatfile="a.bin")))
    _, written = write_outputs(plan, simulate(plan))
    assert [entry.path for entry in written] == ["a.bin"]
    assert [path.name for path in folder.iterdir()] == ["a.bin"]


def test_names_choose_formats_by_their_endings(experiment: Experiment, folder: Path) -> None:
    plan = make_plan(experiment)
    _, written = write_outputs(plan, simulate(plan), ["a.f32", folder / "b.img"])
    assert [entry.what.partition(",")[0] for entry in written] == ["photons", "SMV"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.f32", "b.img"]
    assert read_image("b.img").values.shape == (6, 8)


def test_panels_are_written_one_after_the_other(experiment: Experiment) -> None:
    plan = make_plan(of_panels(experiment, 2))
    image = simulate(plan)
    figures, written = write_outputs(plan, image)
    assert [entry.path for entry in written] == ["floatimage.bin"]
    assert figures.panel in (0, 1)
    found = np.fromfile("floatimage.bin", dtype=np.float32).reshape(2, 6, 8)
    assert np.array_equal(found, image.float().numpy())
    with pytest.raises(InputError, match=r"files: a\.img: SMV cannot hold .* 2 panels"):
        write_outputs(plan, image, ["a.img"])


def test_nothing_is_overwritten_where_that_is_not_wanted(
    experiment: Experiment, folder: Path
) -> None:
    plan = make_plan(experiment)
    image = simulate(plan)
    (folder / "b.f32").write_bytes(b"old")
    with pytest.raises(OutputError, match=r"b\.f32: exists"):
        write_outputs(plan, image, ["a.f32", "b.f32"], overwrite=False)
    assert [path.name for path in folder.iterdir()] == ["b.f32"]
    assert (folder / "b.f32").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ("a.img", "expected a list of names"),
        (["a.xyz"], "no format has the ending"),
    ],
)
def test_files_of_another_kind_are_refused(
    experiment: Experiment, files: list[str], message: str
) -> None:
    plan = make_plan(experiment)
    with pytest.raises(InputError, match=f"files: .*{message}"):
        write_outputs(plan, simulate(plan), files)


def test_an_image_of_another_plan_is_refused(experiment: Experiment) -> None:
    plan = make_plan(experiment)
    with pytest.raises(InputError, match=r"image: \(8, 6\): expected .* \(6, 8\)"):
        write_outputs(plan, torch.zeros(8, 6))


def test_a_format_is_named_where_the_ending_says_none(experiment: Experiment) -> None:
    (output,) = chosen_outputs(experiment, ["image"], ["raw"])
    plan = make_plan(experiment)
    _, written = write_outputs(plan, simulate(plan), [output])
    assert [entry.path for entry in written] == ["image"]


def test_a_simulated_image_is_shown_in_a_notebook(experiment: Experiment) -> None:
    plan = make_plan(experiment)
    image = digital_image(plan, simulate(plan))
    shown = image._repr_html_()
    assert "data:image/png;base64," in shown
    assert f"at slow {image.figures.slow}, fast {image.figures.fast}" in shown
