"""The files that say how a result was made, and the folder that they lie in."""

import errno
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

import nb_core
from nb_compare import evidence
from nb_compare.evidence import (
    CHECKSUMS,
    COMMANDS,
    ENVIRONMENT,
    environment,
    input_checksums,
    result_folder,
    sha256_of,
    write_evidence,
)
from nb_core import ExitCode, InputError, OutputError
from nb_physics import Choice, Engine

NOON = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
STAMP = "20261121T120000Z"
COMMAND = ["nb", "trace", "--tag", "two words"]


@pytest.fixture
def noon(monkeypatch):
    """It is always noon."""
    monkeypatch.setattr("nb_compare.evidence.now", lambda: NOON)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A result folder with two files, below the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "result"
    (folder / "sub").mkdir(parents=True)
    (folder / "image.bin").write_bytes(b"image")
    (folder / "sub" / "table.txt").write_bytes(b"table")
    return folder


def write(folder, *commands, inputs=None, **more):
    write_evidence(folder, commands or [COMMAND], inputs=input_checksums(inputs or {}), **more)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_it_writes_three_files_and_leaves_the_others(folder):
    write(folder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"image.bin", "sub/table.txt", COMMANDS, ENVIRONMENT, CHECKSUMS}
    assert (folder / "image.bin").read_bytes() == b"image"


def test_commands_can_be_pasted_into_a_shell(folder, noon):
    write(folder, COMMAND, ["./nanoBragg", "-N", "5"])
    lines = (folder / COMMANDS).read_text().splitlines()
    assert lines[0] == f"# 2026-11-21T12:00:00Z in {os.getcwd()}"
    commands = [shlex.split(line) for line in lines if not line.startswith("#")]
    assert commands == [COMMAND, ["./nanoBragg", "-N", "5"]]


def test_a_second_run_comes_after_the_first(folder):
    write(folder, ["nb", "first"])
    first = (folder / COMMANDS).read_text()
    write(folder, ["nb", "second"])
    both = (folder / COMMANDS).read_text()
    assert both.startswith(first)
    commands = [line for line in both.splitlines() if not line.startswith("#")]
    assert commands == ["nb first", "nb second"]


@pytest.mark.parametrize(
    "name",
    [
        "NB_C_BIN",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "KMP_AFFINITY",
        "CUDA_VISIBLE_DEVICES",
        "TORCH_LOGS",
        "TORCHINDUCTOR_CACHE_DIR",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTHONPATH",
    ],
)
def test_variables_that_matter_are_noted(folder, monkeypatch, name):
    monkeypatch.setenv(name, "some value")
    write(folder)
    assert f"# {name}='some value'\n" in (folder / COMMANDS).read_text()


def test_other_variables_are_nobodys_business(folder, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", "secret")
    monkeypatch.setenv("MY_NB_THING", "secret")
    write(folder)
    assert all("secret" not in path.read_text() for path in folder.glob("*.*"))


def test_a_variable_keeps_to_its_line(folder, monkeypatch):
    """What follows a line end would be a command that never ran."""
    monkeypatch.setenv("NB_ODD", "a\nrm -r b")
    write(folder)
    lines = (folder / COMMANDS).read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [shlex.join(COMMAND)]


def test_the_checksums_are_those_of_every_other_file(folder):
    write(folder)
    lines = (folder / CHECKSUMS).read_text().splitlines()
    found = dict(line.split("  ")[::-1] for line in lines)
    assert found.keys() == {"image.bin", "sub/table.txt", COMMANDS, ENVIRONMENT}
    assert found["sub/table.txt"] == digest(b"table")
    assert found[ENVIRONMENT] == digest((folder / ENVIRONMENT).read_bytes())


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs the tool sha256sum")
def test_sha256sum_checks_the_folder(folder, tmp_path):
    (tmp_path / "P1.hkl").write_bytes(b"0 0 1 5\n")
    write(folder, inputs={"P1.hkl": tmp_path / "P1.hkl"})

    def check():
        command = ["sha256sum", "--strict", "-c", CHECKSUMS]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count(": OK") == 4
    (folder / "image.bin").write_bytes(b"other")
    done = check()
    assert done.returncode == 1
    assert "image.bin: FAILED" in done.stdout


def test_inputs_are_named_as_the_user_did(folder, tmp_path):
    for name in ("b.mat", "a.hkl"):
        (tmp_path / name).write_bytes(name.encode())
    write(folder, inputs={"../b.mat": tmp_path / "b.mat", "./a.hkl": tmp_path / "a.hkl"})
    lines = (folder / CHECKSUMS).read_text().splitlines()
    assert lines[:2] == [
        f"# input {digest(b'b.mat')}  ../b.mat",
        f"# input {digest(b'a.hkl')}  ./a.hkl",
    ]
    assert not any(line.startswith("#") for line in lines[2:])


def test_an_input_that_is_gone_is_named(folder, tmp_path):
    with pytest.raises(
        InputError, match=r"^input file: \./a\.hkl: cannot be read for its checksum"
    ):
        input_checksums({"./a.hkl": tmp_path / "a.hkl"})


def test_a_second_run_renews_the_checksums(folder):
    write(folder)
    (folder / "more.txt").write_bytes(b"more")
    write(folder)
    text = (folder / CHECKSUMS).read_text()
    assert f"{digest(b'more')}  more.txt\n" in text
    assert CHECKSUMS not in text
    assert f"{sha256_of(folder / COMMANDS)}  {COMMANDS}\n" in text


def test_the_environment(folder, noon):
    write(folder, device="cpu", dtype="float32")
    found = json.loads((folder / ENVIRONMENT).read_text())
    assert list(found) == [
        "schema",
        "created",
        "python",
        "packages",
        "platform",
        "processor",
        "cores",
        "threads",
        "device",
        "dtype",
        "engine",
        "torch",
        "git_revision",
    ]
    assert found["schema"] == evidence.SCHEMA == "nb-environment/1"
    assert found["created"] == "2026-11-21T12:00:00Z"
    assert (found["device"], found["dtype"]) == ("cpu", "float32")
    assert found["threads"] == torch.get_num_threads()
    assert found["packages"].items() >= {"nb-core": "0.1.0", "nb-compare": "0.1.0"}.items()
    assert found["packages"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert found["processor"]


def test_the_engine_and_the_build_of_torch(folder):
    write(folder)
    found = json.loads((folder / ENVIRONMENT).read_text())
    assert found["engine"] is None
    assert found["torch"] == {
        "version": torch.__version__,
        "git_revision": torch.version.git_version,
        "cuda": torch.version.cuda,
        "instructions": torch.backends.cpu.get_cpu_capability(),
    }
    write(folder, engine=Choice(Engine.EAGER, "asked for"))
    found = json.loads((folder / ENVIRONMENT).read_text())
    assert found["engine"] == {"name": "eager", "reason": "asked for", "kernels": []}


def test_a_graphics_card_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card of {device}")
    assert environment("cuda:1", "float64")["device"] == "cuda:1 (card of cuda:1)"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_revision_is_that_of_a_checkout_of_nb(tmp_path, monkeypatch):
    """A checkout has packages/nb-core, whatever the test itself runs from."""
    source = tmp_path / "packages" / "nb-core" / "nb_core"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")

    def git(*arguments):
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    git("add", "packages")
    git("commit", "-q", "-m", "one")
    monkeypatch.setattr(nb_core, "__file__", str(source / "__init__.py"))
    revision = git("rev-parse", "HEAD")
    assert re.fullmatch("[0-9a-f]{40}", revision)
    (tmp_path / "untracked").write_text("")
    assert environment("cpu", "float64")["git_revision"] == revision
    (source / "__init__.py").write_text("changed")
    assert environment("cpu", "float64")["git_revision"] == f"{revision}+"


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_the_checkout_that_the_tests_run_from(monkeypatch):
    top = Path(__file__).parents[2]
    if not (top / ".git").exists():
        pytest.skip("the tests are no checkout")
    core = top / "packages" / "nb-core" / "src" / "nb_core" / "__init__.py"
    monkeypatch.setattr(nb_core, "__file__", str(core))
    command = ["git", "-C", str(top), "rev-parse", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("git refuses this checkout")
    revision = environment("cpu", "float64")["git_revision"]
    assert revision.removesuffix("+") == done.stdout.strip()


def test_no_revision_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(nb_core, "__file__", str(tmp_path / "__init__.py"))
    assert environment("cpu", "float64")["git_revision"] is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_no_revision_of_somebody_elses_checkout(tmp_path, monkeypatch):
    """nb installed in a folder of another project."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setattr(nb_core, "__file__", str(tmp_path / "__init__.py"))
    assert environment("cpu", "float64")["git_revision"] is None


def test_no_revision_without_git(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert environment("cpu", "float64")["git_revision"] is None


def test_a_file_has_the_checksum_of_its_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == digest(b"abc")


def test_now_is_in_utc_to_the_second():
    found = evidence.now()
    assert found.tzinfo is UTC
    assert found.microsecond == 0


def test_the_folder_is_called_after_time_and_arguments(tmp_path, noon):
    parent = tmp_path / "a" / "b"
    with result_folder(parent, COMMAND) as (working, final):
        (working / "x").write_bytes(b"x")
        assert not final.exists()
    assert final == parent / f"{STAMP}-{digest(chr(0).join(COMMAND).encode())[:8]}"
    assert os.listdir(parent) == [final.name]
    assert (final / "x").read_bytes() == b"x"
    assert final.stat().st_mode & 0o777 == 0o755


def test_other_arguments_are_another_name(tmp_path, noon):
    names = set()
    for arguments in (["-a", "b"], ["-a b"], ["-ab"]):
        with result_folder(tmp_path, arguments) as (_, final):
            names.add(final.name)
    assert len(names) == 3
    assert all(re.fullmatch(STAMP + "-[0-9a-f]{8}", name) for name in names)


def test_a_folder_never_replaces_another(tmp_path, noon):
    finals = []
    for number in range(3):
        with result_folder(tmp_path, COMMAND) as (working, final):
            (working / "number").write_text(str(number))
        finals.append(final)
    assert [final.name.removeprefix(finals[0].name) for final in finals] == ["", "-2", "-3"]
    assert [(final / "number").read_text() for final in finals] == ["0", "1", "2"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_what_is_not_finished(tmp_path, error):
    def start():
        with result_folder(tmp_path, COMMAND) as (working, _):
            (working / "sub").mkdir()
            (working / "sub" / "x").write_bytes(b"x")
            raise error

    with pytest.raises(error):
        start()
    assert list(tmp_path.iterdir()) == []


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "taken").write_bytes(b"a file")
    for parent in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with (
            pytest.raises(OutputError, match="no result folder") as caught,
            result_folder(parent, COMMAND),
        ):
            pytest.fail("there is no folder to write to")
        assert caught.value.path == parent


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EACCES, ExitCode.BAD_INPUT), (errno.ENOSPC, ExitCode.UNREADABLE)],
)
def test_a_parent_that_cannot_be_written_to(tmp_path, monkeypatch, number, code):
    def refuse(**more):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with (
        pytest.raises(OutputError, match=os.strerror(number)) as caught,
        result_folder(tmp_path, COMMAND),
    ):
        pytest.fail("there is no folder to write to")
    assert caught.value.exit_code is code
