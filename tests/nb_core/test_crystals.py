"""Several crystals, fractions and space groups: configs, TOML and options."""

import dataclasses
from pathlib import Path

import pytest
import torch
from config_making import make

from nb_core import (
    CrystalConfig,
    CrystalShape,
    DetectorConfig,
    DetectorConvention,
    Experiment,
    InputError,
    NbWarning,
    Profile,
    experiment_to_flags,
    experiment_to_toml,
    flags_to_experiment,
    read_fields,
    read_toml,
    with_crystal,
    with_geometry,
    write_toml,
)
from nb_core.formats import read_matrix

INPUTS = Path(__file__).parents[1] / "golden" / "inputs"
FIRST = CrystalConfig(cell_a=70.0, default_F=100.0, space_group="P 43 21 2")
SECOND = CrystalConfig(
    cell_a=80.0,
    misset_deg=(1.0, 2.0, 3.0),
    N_cells=(7, 8, 9),
    sample_size_mm=(None, 0.1, None),
    shape=CrystalShape.GAUSS,
    fraction=0.25,
    space_group=19,
)
THIRD = CrystalConfig(U_matrix=((0, 1, 0), (-1, 0, 0), (0, 0, 1)), cell_a=90.0, phi_steps=3)
THREE = Experiment(FIRST, more_crystals=(SECOND, THIRD))


def test_crystals_are_those_after_the_first_too():
    assert Experiment(FIRST).crystals == (FIRST,)
    assert THREE.crystals == (FIRST, SECOND, THIRD)
    one = make(Experiment, crystal=FIRST, more_crystals=SECOND)
    assert one.crystals == (FIRST, SECOND)
    assert make(Experiment, crystal=FIRST, more_crystals=[SECOND, THIRD]) == THREE
    assert "more_crystals=(CrystalConfig(cell_a=80" in repr(THREE)
    assert "more_crystals" not in repr(Experiment(FIRST))


@pytest.mark.parametrize("given", [5, "two", (FIRST, None), (5,), {"cell_a": 5}])
def test_more_crystals_are_crystals(given):
    with pytest.raises(InputError, match=r"^more_crystals: .*CrystalConfig"):
        make(Experiment, crystal=FIRST, more_crystals=given)


def test_nanobragg_has_one_whole_crystal():
    with pytest.raises(InputError, match=r"^more_crystals: 3 crystals: .*corrected"):
        dataclasses.replace(THREE, profile=Profile.REFERENCE)
    part = dataclasses.replace(FIRST, fraction=0.5)
    with pytest.raises(InputError, match=r"^fraction: 0.5: .*corrected"):
        Experiment(part, profile=Profile.REFERENCE)
    Experiment(FIRST, profile=Profile.REFERENCE)
    with pytest.raises(InputError, match=r"^more_crystals: 3 crystals: .*TOML"):
        experiment_to_flags(THREE)
    with pytest.raises(InputError, match=r"^fraction: given: .*TOML"):
        experiment_to_flags(Experiment(part))
    with pytest.warns(NbWarning, match="^space_group P 43 21 2 is left out"):
        arguments = experiment_to_flags(Experiment(FIRST))
    plain = dataclasses.replace(FIRST, space_group=None)
    assert arguments == experiment_to_flags(Experiment(plain))


def test_all_crystals_turn_about_the_axis_of_the_first():
    custom = DetectorConfig(detector_convention=DetectorConvention.CUSTOM)
    turned = dataclasses.replace(SECOND, spindle_axis=(0.0, 1.0, 0.0))
    with pytest.raises(InputError, match=r"^spindle_axis of crystal 1: .*leave it out"):
        Experiment(FIRST, custom, more_crystals=(turned,))
    first = dataclasses.replace(FIRST, spindle_axis=(0.0, 1.0, 0.0))
    Experiment(first, custom, more_crystals=(SECOND,))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("P 43 21 2", "P 43 21 2"),
        ("P1", "P1"),
        (96, "96"),
        ("R -3 m :H", "R -3 m :H"),
    ],
)
def test_a_space_group_is_kept_as_a_text(given, kept):
    crystal = make(CrystalConfig, cell_a=70.0, space_group=given)
    assert crystal.space_group == kept
    assert dataclasses.replace(crystal, cell_a=71.0).space_group == kept


@pytest.mark.parametrize("given", ["", " ", "- /", "P1\n", "P" * 65, 0, 231, -1, True, 1.5, ["P1"]])
def test_what_names_no_space_group(given):
    with pytest.raises(InputError, match=r"^space_group: "):
        make(CrystalConfig, cell_a=70.0, space_group=given)


def test_toml_and_back(tmp_path):
    matrix = CrystalConfig(matrix=read_matrix(INPUTS / "tric.mat"), default_F=3.0)
    tensor = dataclasses.replace(SECOND, fraction=torch.tensor(0.25, dtype=torch.float64))
    experiment = dataclasses.replace(THREE, more_crystals=(tensor, THIRD, matrix))
    write_toml(tmp_path / "e.toml", experiment)
    again = read_toml(tmp_path / "e.toml")
    assert again.crystals[:3] == THREE.crystals
    assert torch.equal(again.crystals[3].matrix.values, matrix.matrix.values)
    assert dataclasses.replace(again, more_crystals=()) == dataclasses.replace(
        THREE, more_crystals=()
    )
    text = (tmp_path / "e.toml").read_text()
    assert text.count("[[crystal]]") == 4
    assert 'space_group = "P 43 21 2"' in text
    assert text.count('shape = "gauss"') == 1


def test_the_matrix_of_a_further_crystal_has_a_file():
    values = read_matrix(INPUTS / "tric.mat").values
    memory = CrystalConfig(matrix=type(read_matrix(INPUTS / "tric.mat"))(values))
    with pytest.raises(InputError, match=r"^matrix of crystal 1: in memory only"):
        experiment_to_toml(Experiment(FIRST, more_crystals=(memory,)))


def test_files_are_named_relative_to_the_toml_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mat").write_text((INPUTS / "tric.mat").read_text())
    path = Path("e.toml")
    path.write_text('[[crystal]]\ncell_a = 70\n[[crystal]]\nmatrix = "a.mat"\nspace_group = 5\n')
    found = read_toml(path)
    assert torch.equal(found.crystals[1].matrix.values, read_matrix(INPUTS / "tric.mat").values)
    assert found.crystals[1].space_group == "5"
    assert 'matrix = "a.mat"' in experiment_to_toml(found)
    path.write_text("[[crystal]]\ncell_a = 70\n")
    assert read_toml(path) == Experiment(CrystalConfig(cell_a=70), read_toml(path).detector)


def test_options_of_a_crystal_do_not_say_which(tmp_path):
    for option in (["-N", "5"], ["-cell", "7", "8", "9", "90", "90", "90"], ["-mat", "a.mat"]):
        with pytest.raises(InputError, match=f"^{option[0]}: .*which of 3 crystals"):
            flags_to_experiment(option, base=THREE)
    found = flags_to_experiment(["-distance", "90", "-osc", "1"][:2], base=THREE)
    assert found.crystals == THREE.crystals
    assert found.detector.distance_mm == 90.0
    with pytest.raises(InputError, match=r"^-osc: 1.0: does not say which of 3 crystals"):
        flags_to_experiment(["-osc", "1"], base=THREE)
    with pytest.raises(InputError, match=r"more_crystals.*corrected"):
        flags_to_experiment([], profile="reference", base=THREE)


def test_crystals_come_from_another_file_together(tmp_path):
    write_toml(tmp_path / "three.toml", THREE)
    other = dataclasses.replace(THREE.crystal, cell_a=50.0, space_group=None)
    one = Experiment(other, DetectorConfig(distance_mm=77.0))
    write_toml(tmp_path / "one.toml", one)
    paths = [tmp_path / f"{name}.toml" for name in ("three", "one")]
    three, single = map(read_fields, paths)
    found = flags_to_experiment([], base=with_crystal(single, paths[0]))
    assert found == dataclasses.replace(THREE, detector=found.detector)
    assert found.detector.distance_mm == 77.0
    found = flags_to_experiment([], base=with_crystal(three, paths[1]))
    assert found.crystals == (other,)
    found = flags_to_experiment([], base=with_geometry(three, paths[1]))
    assert found.crystals == THREE.crystals
