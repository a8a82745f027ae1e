"""More of what can be wrong: exit code 2, one line, no traceback and nothing left behind."""

import errno
import os

import pytest

NUMBERS = (
    "-distance -close_distance -lambda -energy -pixel -fluence -phi -osc -mosaic -default_F -Xbeam "
    "-detector_thick -dmin -water -scale -adc -dispersion -flux -twotheta -fudge -polar"
)
NAMES = ("-hkl", "-dump", "-mat", "-sourcefile", "-mask", "-img")


@pytest.fixture
def bad(refused, tiny):
    def call(*more):
        return refused("simulate", "--", *tiny, *more)

    return call


@pytest.fixture
def content(folder):
    """Writes a file, and gives its name."""

    def call(text, name="input"):
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name

    return call


@pytest.mark.parametrize("option", NAMES)
def test_a_folder_is_no_input(bad, folder, option):
    (folder / "sub").mkdir()
    assert "a folder" in bad(option, "sub")


@pytest.mark.parametrize("option", NAMES)
@pytest.mark.parametrize("text", ["\n \n", "{\nHEADER_BY", "1 2 x\n"])
def test_fragments_of_files(bad, content, option, text):
    assert "input" in bad(option, content(text))


@pytest.mark.parametrize(
    "text",
    [
        "profile = 'wrong'",
        "nosuch = 1",
        "[crystal]\nnosuch = 1",
        "crystal = 3",
        "roi = [1, 2]",
        "[crystal]\ncell_a = nan\ndefault_F = 1.0",
        "[detector",
        "[detector]\nfpixels = 0",
        "hkl = 'nosuch.hkl'",
        "hkl = 3",
    ],
)
def test_content_of_toml_files(refused, content, text):
    refused("simulate", content(text, "e.toml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3\n", "3 columns"),
        ("nan 2 3 1\n", "finite"),
        ("0 0 0 1\n90000 90000 90000 1\n", "grid entries"),
    ],
)
def test_lists_of_structure_factors(bad, content, text, message):
    assert message in bad("-hkl", content(text))


@pytest.mark.parametrize("text", ["1 0 0 0 1 0 0 0 nan", "0 " * 9, "1 2 3"])
def test_matrices(bad, content, text):
    bad("-mat", content(text))


@pytest.mark.parametrize("text", ["0 0 0 1 1e-10", "nan 0 0", "-1 0 0 -1", "-1 0 0 1 1.0"])
def test_sources(bad, content, text):
    bad("-sourcefile", content(text))


@pytest.mark.parametrize("option", NUMBERS.split())
@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "abc"])
def test_numbers_that_are_none(bad, option, value):
    assert f"nb: {option}" in bad(option, value)


@pytest.mark.parametrize("option", ["-distance", "-close_distance", "-lambda", "-energy", "-pixel"])
@pytest.mark.parametrize("value", ["0", "-1"])
def test_lengths_above_zero(bad, option, value):
    assert f"nb: {option}" in bad(option, value)


@pytest.mark.parametrize(
    "line",
    [
        "-detpixels 1.5",
        "-detpixels 99999999999",
        "-oversample -1",
        "-phisteps -1",
        "-mosaic_domains -1",
        "-beam_vector 0 0 0",
        "-spindle_axis 0 0 0",
        "-fdet_vector 0 0 0",
        "-cell 70 80 90 60 60 120",
        "-floatfile",
    ],
)
def test_impossible_options(bad, line):
    assert line.split()[0] in bad(*line.split())


def test_a_misspelt_option_names_the_nearest(bad):
    line = bad("-defualt_F", "1")
    assert "-defualt_F: unknown option: did you mean -default_F?" in line


def test_the_dump_is_checked_before_the_simulation(bad, inputs):
    assert "no folder none" in bad("-hkl", "six.hkl", "-dump", "none/F")


def test_an_old_file_in_a_read_only_folder_is_not_replaced(bad, folder, monkeypatch):
    (folder / "sub").mkdir()
    (folder / "sub" / "a").write_bytes(b"old")
    monkeypatch.setattr(
        "nb_core.formats.targets.os.access", lambda path, mode: not str(path).endswith("sub")
    )
    assert "the folder sub is read-only" in bad("-floatfile", "sub/a")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_failing_disk_keeps_the_old_file(nb, tiny, folder, monkeypatch, code):
    def full(descriptor):
        raise OSError(code, os.strerror(code))

    (folder / "a").write_bytes(b"old")
    monkeypatch.setattr("os.fsync", full)
    ran = nb("simulate", "--", *tiny, "-floatfile", "a")
    assert ran.code == 5
    (line,) = ran.errors
    assert ("the disk is full" in line) == (code == errno.ENOSPC)
    assert (folder / "a").read_bytes() == b"old"


def test_no_arguments_show_the_help(nb):
    for words in ((), ("config",)):
        ran = nb(*words) if words else nb("")
        assert ran.code == 2
        assert ran.out.startswith("Usage: nb")
        assert ran.err == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("simulate e.toml -phi 3", "nanoBragg's options go after --"),
        ("nosuch", "No such command 'nosuch'. (nb --help)"),
        ("--nosuch", "nosuch"),
        ("simulate --rng dice -- -cell 70", "--rng"),
        ("simulate --dtype float16 -- -cell 70", "--dtype"),
        ("simulate --profile wrong -- -cell 70", "--profile"),
        ("simulate --png", "--png"),
        ("view", "IMAGE"),
        ("config convert --to yaml -- -cell 70", "--to"),
        ("doctor surplus", "surplus"),
    ],
)
def test_usage_says_what_is_wrong(refused, line, message):
    assert message in refused(*line.split(), *([] if " " in line else ["--"]))


def test_an_error_that_is_no_users_is_not_hidden(nb, tiny, monkeypatch):
    def broken(experiment):
        raise ZeroDivisionError

    monkeypatch.setattr("nb_physics.make_plan", broken)
    with pytest.raises(ZeroDivisionError):
        nb("simulate", "--", *tiny)
