"""nb refine: its options, what it writes, and how it refuses."""

import csv
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from nb_cli.refine_results import draw_comparison
from nb_compare.evidence import sha256_of
from nb_core import read_toml
from nb_refine import GROUP_NAMES, Lattice, Loss, Optimizer, Refinement

CELL = "-cell 20 24 28 90 90 90 -default_F 100 -lambda 1 -distance 40 -pixel 0.6 -detpixels 100"
LIGHT = "-N 5 -fluence 1e27 -water 0.12 -oversample 1 -seed 1"
FILES = [
    "after.png",
    "before.png",
    "checksums.txt",
    "commands.txt",
    "correlation.csv",
    "environment.json",
    "history.csv",
    "parameters.csv",
    "refine.log",
    "refined.toml",
]
QUICK = "--parameters misset,scale --start-error 0.2"


@pytest.fixture
def model(nb, folder):
    """model.toml, off by 0.1 degrees about x; image.bin, noise.img of the truth."""
    outputs = "-floatfile image.bin -noisefile noise.img"
    assert nb(f"simulate -q -- {CELL} {LIGHT} -misset 10 20 30 {outputs}").code == 0
    off = nb(f"config convert -- {CELL} {LIGHT} -misset 10.1 20 30")
    (folder / "model.toml").write_text(off.out)
    return folder


@pytest.fixture
def quick(monkeypatch):
    """No pictures: drawing takes longer than all the rest."""
    monkeypatch.setattr("nb_cli.refine_results.draw_comparison", lambda *a, **k: b"a picture")


def result_of(where="nb-refine"):
    """The one result folder."""
    (found,) = Path(where).iterdir()
    return found


def table(path):
    with path.open(newline="") as stream:
        return list(csv.reader(stream))


def test_a_noise_image_is_refined(nb, model):
    outcome = nb(f"refine model.toml noise.img {QUICK}")
    assert outcome.code == 0, outcome
    assert "misset_x" in outcome.out
    assert "chi^2" in outcome.out
    assert "converged" in outcome.out
    found = result_of()
    assert outcome.out.rstrip().endswith(f"wrote {found / 'refined.toml'}")
    assert sorted(os.listdir(found)) == FILES
    head, *rows = table(found / "parameters.csv")
    assert head == ["parameter", "unit", "start", "value", "standard_uncertainty", "at_bound"]
    name, unit, start, value, own, held = rows[0]
    assert (name, unit, float(start), held) == ("misset_x", "deg", pytest.approx(10.1), "no")
    assert abs(float(value) - 10.0) < 4 * float(own)
    assert float(own) < 0.02
    refined = read_toml(found / "refined.toml")
    assert refined.crystal.misset_deg[0] == float(value)
    assert refined.crystal.cell_a == 20.0


def test_the_tables_agree(nb, model, quick):
    assert nb(f"refine model.toml image.bin {QUICK}").code == 0
    found = result_of()
    names = [row[0] for row in table(found / "parameters.csv")[1:]]
    head, *rows = table(found / "correlation.csv")
    assert head[1:] == [row[0] for row in rows] == names
    matrix = np.array([[float(cell) for cell in row[1:]] for row in rows])
    assert (np.diag(matrix) == 1).all()
    assert np.array_equal(matrix, matrix.T)
    head, *steps = table(found / "history.csv")
    assert head == ["stage", "step", "pixels", "loss", "distance", *names]
    assert steps[0][0].startswith("spots of")
    assert steps[-1][0] == "true spots"
    last = [row[3] for row in table(found / "parameters.csv")[1:]]
    assert steps[-1][5:] == last
    assert "model.toml" in (found / "checksums.txt").read_text()
    checked = subprocess.run(
        ["sha256sum", "-c", "checksums.txt"], cwd=found, capture_output=True, check=False
    )
    assert checked.returncode == 0


def test_a_picture_shows_image_model_and_difference():
    image = np.arange(64.0).reshape(8, 8)
    content = draw_comparison(image, image + 1.0, np.ones((8, 8), dtype=bool), "model")
    assert content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "options",
    [
        "--loss gaussian",
        "--loss robust",
        "--optimizer lbfgs",
        "--all-pixels",
        "--roi-from-prediction",
        "--adc-offset 40",
        "--gain 1",
        "--lattice orthorhombic",
        "--threads 1",
        "--dtype float32",
        "--max-chi2 3",
        "--steps 20",
    ],
)
def test_options_keep_the_result(nb, model, quick, options):
    outcome = nb(f"refine model.toml noise.img -q {QUICK} {options}")
    assert (outcome.code, outcome.out) == (0, ""), outcome
    value, own = map(float, table(result_of() / "parameters.csv")[1][3:5])
    assert abs(value - 10.0) < 4 * own


def test_adam_is_to_be_had(nb, model, quick):
    outcome = nb("refine model.toml noise.img -q --parameters scale --optimizer adam --steps 100")
    assert outcome.code == 0, outcome


def test_the_lattice_ties_the_cell(nb, model, quick):
    line = f"refine model.toml noise.img -q {QUICK} --parameters cell --lattice orthorhombic"
    nb(line + " --max-chi2 1e9")
    names = [row[0] for row in table(result_of() / "parameters.csv")[1:]]
    assert names == ["cell_a", "cell_b", "cell_c"]


def test_each_result_has_a_folder_of_its_own(nb, model, quick):
    for _ in range(2):
        assert nb(f"refine model.toml noise.img -q {QUICK} --out-dir results").code == 0
    assert len(os.listdir("results")) == 2


def test_nanobragg_options_come_after_the_files(nb, model, quick):
    """They change what the file says; the start here is the truth."""
    outcome = nb(f"refine model.toml noise.img {QUICK} -- -misset 10 20 30")
    assert outcome.code == 0, outcome
    name, _, start, *_ = table(result_of() / "parameters.csv")[1]
    assert (name, float(start)) == ("misset_x", pytest.approx(10.0))


def test_nanobragg_options_alone_say_the_model(nb, model, quick):
    outcome = nb(f"refine noise.img -q {QUICK} -- {CELL} {LIGHT} -misset 10.1 20 30")
    assert outcome.code == 0, outcome
    value, own = map(float, table(result_of() / "parameters.csv")[1][3:5])
    assert abs(value - 10.0) < 4 * own
    inputs = (result_of() / "checksums.txt").read_text()
    assert "noise.img" in inputs
    assert "model.toml" not in inputs


def test_images_that_options_name_are_not_written_and_said(nb, model, quick):
    outcome = nb(f"refine model.toml noise.img -q {QUICK} -- -floatfile other.bin")
    assert outcome.code == 0, outcome
    assert "other.bin: not written" in outcome.err
    assert not Path("other.bin").exists()


def test_the_engine_is_said_and_kept(nb, model, quick):
    options = "--engine eager --device cpu --dtype float64 --threads 1"
    outcome = nb(f"refine model.toml noise.img {QUICK} {options}")
    assert "engine eager: asked for" in outcome.out.splitlines()
    kept = json.loads((result_of() / "environment.json").read_text())
    assert (kept["device"], kept["dtype"]) == ("cpu", "float64")
    assert kept["engine"] == {"name": "eager", "reason": "asked for", "kernels": []}


def test_a_stage_that_takes_long_shows_how_far_it_is(nb, model, quick, monkeypatch):
    """Each with its name and the time it takes, in a log; stages that take no time say nothing."""
    short = nb(f"refine model.toml noise.img {QUICK}")
    assert "true spots: " not in short.err
    monkeypatch.setattr("nb_cli.commands.refine.PATIENCE", 0.0)
    monkeypatch.setattr("nb_cli.progress.INTERVAL", 0.0)
    shown = nb(f"refine model.toml noise.img {QUICK}").err
    lines = [line for line in shown.splitlines() if line.startswith("nb: true spots: ")]
    assert len(lines) > 1
    assert all(" % after " in line for line in lines)
    quiet = nb(f"refine model.toml noise.img -q {QUICK}")
    assert "true spots" not in quiet.err


def test_choices_are_those_of_the_library():
    from nb_cli.commands import refine

    choices = {p.name: getattr(p.type, "choices", None) for p in refine.command.params}
    assert GROUP_NAMES == refine.GROUPS
    assert list(choices["lattice"]) == [each.value for each in Lattice]
    assert list(choices["loss"]) == [each.value for each in Loss]
    assert sorted(choices["optimizer"]) == sorted(each.value for each in Optimizer)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nothing.toml noise.img", "no such file"),
        ("", "give [MODEL.toml] IMAGE"),
        ("model.toml", "give [MODEL.toml] IMAGE"),
        ("model.toml noise.img other.img", "give one MODEL.toml and one IMAGE"),
        ("model.toml noise.img -- -misset 10", "-misset"),
        ("model.toml noise.img --device cuda:99", "this machine has no such device"),
        ("model.toml noise.img --engine fast", "'fast' is no engine; known are auto"),
        ("model.toml nothing.img", "no such file"),
        ("model.toml noise.img --parameters colour", "parameters: colour: expected some of"),
        ("model.toml noise.img --parameters ,", "parameters: none: name one or more"),
        ("model.toml noise.img --lattice cubic --parameters cell", "a cubic cell has b = a"),
        ("model.toml noise.img --lattice square", "'square' is not one of"),
        ("model.toml noise.img --parameters mosaic", "mosaic_spread_deg: 0.0: give a spread"),
        ("model.toml noise.img --adc-offset 200", "lie below 0 photons"),
        ("model.toml noise.img --gain 0", "0.0 is not in the range x>0"),
        ("model.toml noise.img --steps 0", "0 is not in the range x>=1"),
        ("model.toml noise.img --start-error 0", "not in the range"),
        ("model.toml noise.img --max-chi2 0", "not in the range"),
        ("model.toml noise.img --out-dir model.toml", "is a file, not a folder"),
        ("model.toml blank.bin", "the image is blank"),
        ("model.toml small.bin", "25 pixels: a shape (slow, fast) of (100, 100) has 10000"),
    ],
)
def test_bad_input_is_refused(refused, model, line, message):
    np.zeros((100, 100), dtype="<f4").tofile("blank.bin")
    np.ones((5, 5), dtype="<f4").tofile("small.bin")
    assert message in refused(f"refine {line}")


def test_a_model_that_does_not_fit_has_exit_code_3(nb, model):
    """Nothing is written that looks like a result."""
    text = (model / "model.toml").read_text().replace("10.1", "14.0")
    (model / "model.toml").write_text(text)
    before = sorted(os.listdir())
    outcome = nb(f"refine model.toml noise.img {QUICK} --steps 5")
    assert outcome.code == 3
    (line,) = outcome.errors
    assert line.startswith("nb: refine: the model does not fit the image: chi^2 is")
    assert sorted(os.listdir()) == before


def test_an_interrupted_refinement_leaves_nothing(nb, model, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    before = sorted(os.listdir())
    monkeypatch.setattr("nb_refine.Refinement.step", stop)
    outcome = nb(f"refine model.toml noise.img {QUICK}")
    assert (outcome.code, sorted(os.listdir())) == (130, before)


def test_an_interrupted_writing_leaves_no_folder(nb, model, quick, monkeypatch):
    def stop(*arguments, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", stop)
    assert nb(f"refine model.toml noise.img {QUICK}").code == 130
    assert os.listdir("nb-refine") == []


def test_the_inputs_of_the_model_are_among_the_evidence(nb, model, quick, folder):
    (folder / "list.hkl").write_text("".join(f"{h} 0 0 100\n" for h in range(1, 9)))
    text = 'hkl = "list.hkl"\n' + (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text)
    line = f"refine model.toml noise.img {QUICK} --max-chi2 1e9 --parameters scale"
    assert nb(line).code == 0
    assert "list.hkl" in (result_of() / "checksums.txt").read_text()
    assert read_toml(result_of() / "refined.toml").structure_factors.count == 8


def test_inputs_may_go_while_it_runs(nb, model, quick, folder, monkeypatch):
    """Their checksums are those of what was read."""
    text = (folder / "model.toml").read_text()
    (folder / "list.hkl").write_text("".join(f"{h} 0 0 100\n" for h in range(1, 9)))
    (folder / "model.toml").write_text('hkl = "list.hkl"\n' + text)
    names = ("list.hkl", "model.toml", "noise.img")
    sums = {name: sha256_of(folder / name) for name in names}
    run = Refinement.run

    def run_and_delete(refinement):
        for name in names:
            (folder / name).unlink()
        return run(refinement)

    monkeypatch.setattr("nb_refine.Refinement.run", run_and_delete)
    outcome = nb(f"refine model.toml noise.img {QUICK} --max-chi2 1e9 --parameters scale")
    assert outcome.code == 0, outcome
    lines = (result_of() / "checksums.txt").read_text().splitlines()
    assert lines[:3] == [f"# input {sums[name]}  {name}" for name in names]
