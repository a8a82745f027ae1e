"""Bad input: exit code 2, one line that says what and how to mend it, and no file."""

import errno
import os

import pytest

BAD_FILES = {
    "missing": None,
    "empty": b"",
    "garbage": bytes(range(256)) * 4,
    "text": b"this is no such file\n",
}


def fails(nb, folder, line, *words, code=2):
    """The command ends with the code and one line that has all the words; no file is new."""
    before = sorted(folder.iterdir())
    outcome = nb(line)
    assert outcome.code == code, outcome
    (message,) = outcome.errors
    assert message.startswith("nb: ")
    for word in words:
        assert word in message, message
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("option", ["-hkl", "-dump", "-mat", "-sourcefile", "-mask", "-img"])
def test_files_that_options_name(nb, folder, flags, option, kind):
    if BAD_FILES[kind] is not None:
        (folder / "bad").write_bytes(BAD_FILES[kind])
    fails(nb, folder, f"simulate -- {flags} {option} bad", option, "bad")


@pytest.mark.parametrize(
    ("option", "name", "keep"),
    [("-mask", "mask.img", 600), ("-img", "header.img", 300), ("-mat", "tric.mat", 50)],
)
def test_truncated_files(nb, inputs, flags, option, name, keep):
    path = inputs / name
    path.write_bytes(path.read_bytes()[:keep])
    fails(nb, inputs, f"simulate -- {flags} {option} {name}", option, name)


def test_a_truncated_dump(nb, inputs, flags):
    line = f"simulate -- {flags} -nointerpolate -floatfile f.bin -dump d.bin"
    assert nb(f"{line} -hkl six.hkl").code == 0
    (inputs / "d.bin").write_bytes((inputs / "d.bin").read_bytes()[:-9])
    fails(nb, inputs, line, "-dump", "d.bin")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_toml_files(nb, folder, kind):
    if BAD_FILES[kind] is not None:
        (folder / "bad.toml").write_bytes(BAD_FILES[kind])
    fails(nb, folder, "simulate bad.toml", "bad.toml" if kind != "empty" else "")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_images_to_view(nb, folder, kind):
    if BAD_FILES[kind] is not None:
        (folder / "bad").write_bytes(BAD_FILES[kind][:1000])
    fails(nb, folder, "view bad", "bad")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("0 0 1 5\n0 0.5 1 5\n", ["line 2", "0.5"]),
        ("0 0 1 5\n0 0 2 5\n0 0 1 6\n", ["line 3", "line 1"]),
        ("0 0 3000000000 5\n", ["3000000000"]),
        ("0 0 1 nan\n", ["line 1", "nan"]),
        ("0 0 1 inf\n", ["line 1", "inf"]),
        ("0 0 1\n", ["line 1"]),
    ],
)
def test_reflections(nb, folder, flags, lines, words):
    (folder / "x.hkl").write_text(lines)
    fails(nb, folder, f"simulate -- {flags} -hkl x.hkl", "x.hkl", *words)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("-distance 0", ["-distance", "0", "greater than 0"]),
        ("-distance -5", ["-distance", "-5"]),
        ("-close_distance 0", ["-close_distance"]),
        ("-pixel 0", ["-pixel"]),
        ("-detpixels 0", ["-detpixels"]),
        ("-lambda 0", ["-lambda", "greater than 0"]),
        ("-energy -1", ["-energy"]),
        ("-cell 0 60 70", ["-cell", "cell_a"]),
        ("-cell 50 60 70 80 -90 100", ["-cell"]),
        ("-cell 50 60 70 10 20 100", ["-cell", "enclose no volume"]),
        ("-cell 50 60 70 80 90 180", ["-cell", "180"]),
        ("-N -3", ["-N", "-3"]),
        ("-phi nan", ["-phi", "nan"]),
        ("-fluence inf", ["-fluence", "inf"]),
        ("-lambda 1x", ["-lambda", "1x"]),
        ("-Na 2.5", ["-Na", "2.5"]),
        ("-polar 1.5", ["-polar", "between -1 and 1"]),
        ("-roi 100 120 0 5", ["-roi", "no pixel"]),
        ("-roi 5 2 0 5", ["-roi"]),
        ("-lambda", ["-lambda", "needs a value"]),
        ("-misset 10 20", ["-misset", "needs 3 values"]),
        ("-hdiv 0.1", ["-hdiv", "did you mean -hdiv"]),
        ("-lamda 0.1", ["-lamda", "did you mean -lambda"]),
        ("stray", ["stray", "unexpected argument"]),
        ("--rng torch", ["--rng", "before --"]),
        (
            "-hdivrange 3 -hdivstep 2 -hdivsteps 1 -vdivrange 3 -vdivstep 2 -vdivsteps 1",
            ["ellipse"],
        ),
    ],
)
def test_options(nb, folder, flags, option, words):
    fails(nb, folder, f"simulate -- {flags} {option}", *words)


def test_a_singular_matrix(nb, folder, flags):
    (folder / "x.mat").write_text("1 2 3\n2 4 6\n1 0 1\n")
    fails(nb, folder, f"simulate -- {flags} -mat x.mat", "-mat", "x.mat")


def test_a_mask_of_another_size(nb, inputs, flags):
    fails(nb, inputs, f"simulate -- {flags} -mask mask.img", "-mask", "mask.img", "(12, 12)")


def test_no_crystal_and_no_structure_factors(nb, folder):
    fails(nb, folder, "simulate -- -default_F 3", "-cell", "-mat FILE")
    fails(nb, folder, "simulate -- -cell 70", "-hkl", "-default_F")


@pytest.mark.parametrize("command", ["simulate", "config show", "config check", "config convert"])
def test_no_experiment(nb, folder, command):
    fails(nb, folder, command, "name an experiment file")


def test_options_without_the_two_dashes(nb, folder):
    fails(nb, folder, "simulate -cell 70", "options go after --")


@pytest.mark.parametrize(
    "line", ["simulat", "simulate --dtype float16", "view", "view x --shape 3", "config nonsense"]
)
def test_usage(nb, folder, line):
    fails(nb, folder, line)


@pytest.mark.parametrize("target", ["none/f.bin", "f.bin/f.bin"])
def test_an_output_folder_that_is_not_there(nb, folder, flags, target):
    (folder / "f.bin").write_bytes(b"a file")
    fails(nb, folder, f"simulate -- {flags} -floatfile {target}", target, "no folder")
    fails(nb, folder, f"simulate --png {target} -- {flags}", target, "no folder")


def test_an_output_that_is_a_folder(nb, folder, flags):
    (folder / "f.bin").mkdir()
    fails(nb, folder, f"simulate -- {flags} -floatfile f.bin", "f.bin", "is a folder")


def test_a_read_only_folder(nb, folder, flags, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    fails(nb, folder, f"simulate -- {flags} -floatfile f.bin", "f.bin", "read-only")


@pytest.mark.parametrize("option", ["-floatfile", "-intfile", "-pgmfile", "-noisefile", "--png"])
def test_a_disk_that_fills_up(nb, folder, flags, monkeypatch, option):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    before, after = (f"{option} out", "") if option == "--png" else ("", f"{option} out")
    fails(nb, folder, f"simulate {before} -- {flags} {after}", "out", "full", code=5)


def test_a_demo_folder_that_cannot_be_made(nb, folder):
    (folder / "taken").write_bytes(b"a file")
    fails(nb, folder, "demo --out-dir taken/demo", "taken/demo")


@pytest.mark.parametrize("size", ["0", "-3", "nan", "1e-9"])
def test_impossible_detector_sizes(refused, tiny, size):
    at = tiny.index("-detpixels")
    assert "detsize" in refused("simulate", "--", *tiny[:at], *tiny[at + 2 :], "-detsize", size)


@pytest.mark.parametrize("option", ["-floatfile", "--png"])
@pytest.mark.parametrize(("flag", "name"), [("-hkl", "six.hkl"), ("-mat", "tric.mat")])
def test_an_output_that_is_an_input(nb, inputs, flags, option, flag, name):
    content = (inputs / name).read_bytes()
    before, after = (f"{option} ./{name}", "") if option == "--png" else ("", f"{option} {name}")
    line = f"simulate {before} -- {flags} -nointerpolate {flag} {name} {after}"
    fails(nb, inputs, line, name, "is an input")
    assert (inputs / name).read_bytes() == content


def test_an_output_that_is_the_experiment(nb, folder, flags):
    (folder / "x.toml").write_text(nb(f"config convert -- {flags}").out)
    fails(nb, folder, "simulate --png x.toml x.toml", "x.toml", "is an input")


@pytest.mark.parametrize("size", ["2000000000", "50000"])
def test_a_detector_of_too_many_pixels(nb, folder, flags, size):
    fails(nb, folder, f"simulate -- {flags} -detpixels {size}", "-detpixels", "2^31")


def test_a_device_that_holds_no_values(nb, folder, flags):
    fails(nb, folder, f"simulate --device meta -- {flags}", "meta", "no such device")


def test_a_command_without_flags_gives_no_hint_at_them(nb, folder):
    assert "after --" not in nb("doctor -x").err
