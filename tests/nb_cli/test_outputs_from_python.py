"""The files that Python's one call writes are those of the command, byte for byte."""

import shutil
from pathlib import Path

import pytest
import torch

from nb_core import read_toml
from nb_physics import make_plan, simulate, write_outputs

TOML = """
profile = "{profile}"
[crystal]
cell_a = 70
cell_b = 80
cell_c = 90
default_F = 100
[detector]
fpixels = 16
spixels = 16
pixel_size_mm = 1.0
[beam]
fluence = 1e26
[background]
water_size_um = 1
[outputs]
noise_seed = 3
"""


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix != ".py"}


@pytest.mark.parametrize("profile", ["reference", "corrected"])
@pytest.mark.parametrize("names", [None, ["a.f32", "b.img", "c.pgm"]], ids=["all", "named"])
def test_the_files_are_those_of_the_command(nb, folder, monkeypatch, profile, names):
    folders = [folder / "command", folder / "python"]
    for one in folders:
        one.mkdir()
        (one / "e.toml").write_text(TOML.format(profile=profile), encoding="utf-8")
    monkeypatch.chdir(folders[0])
    more = [word for name in names or () for word in ("--out", name)]
    ran = nb("simulate", "e.toml", *more)
    assert ran.code == 0
    monkeypatch.chdir(folders[1])
    plan = make_plan(read_toml("e.toml"))
    figures, written = write_outputs(plan, simulate(plan, image_dtype=torch.float32), names)
    found, expected = contents(folders[1]), contents(folders[0])
    assert len(found) == (5 if names is None else 4)
    assert found.keys() == expected.keys()
    assert [name for name in found if found[name] != expected[name]] == []
    lines = [str(figures), *(f"wrote {entry.path}: {entry.what}" for entry in written)]
    assert ran.out.splitlines()[-len(lines) :] == lines


def test_the_dump_of_structure_factors_is_too(nb, inputs, folder, monkeypatch):
    text = f'hkl = "six.hkl"\n{TOML.format(profile="corrected")}dumpfile = "F"\n'
    (folder / "e.toml").write_text(text, encoding="utf-8")
    assert nb("simulate", "e.toml", "--out", "a.f32").code == 0
    expected = (folder / "F").read_bytes()
    (folder / "F").unlink()
    shutil.copy("a.f32", "kept")
    plan = make_plan(read_toml("e.toml"))
    _, written = write_outputs(plan, simulate(plan, image_dtype=torch.float32), ["a.f32"])
    assert [entry.path for entry in written] == ["a.f32", "F"]
    assert (folder / "F").read_bytes() == expected
    assert (folder / "a.f32").read_bytes() == (folder / "kept").read_bytes()
