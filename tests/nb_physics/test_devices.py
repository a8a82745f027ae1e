"""Devices by name; what needs CUDA runs where there is some."""

import pytest
import torch
from small_experiments import PROFILES, rich_experiment, small_experiment

from nb_core import InputError
from nb_physics import simulate
from nb_physics.devices import available_device, check_dtype, sharing_devices

pytestmark = pytest.mark.filterwarnings("ignore::nb_core.NbWarning")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA")


@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_cuda_where_there_is_any(monkeypatch, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert available_device("auto").type == ("cuda" if there else "cpu")


@pytest.mark.parametrize("name", ["abacus", "cpu:x", "xpu", "meta:3:4"])
def test_what_is_not_there_is_refused(name):
    with pytest.raises(InputError, match="this machine has no such device; it has: cpu"):
        available_device(name)


def test_an_image_is_shared_by_all_cuda_devices_unless_one_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert [str(d) for d in sharing_devices(torch.device("cuda"))] == ["cuda:0", "cuda:1", "cuda:2"]
    for one in ("cpu", "cuda:1"):
        assert sharing_devices(torch.device(one)) == [torch.device(one)]


def test_dtypes():
    check_dtype(torch.float64, torch.device("cuda"))
    check_dtype(torch.float32, torch.device("mps"))
    with pytest.raises(InputError, match="mps has no float64; choose float32"):
        check_dtype(torch.float64, torch.device("mps"))
    with pytest.raises(InputError, match=r"expected torch[.]float64 or torch[.]float32"):
        check_dtype(torch.float16, torch.device("cpu"))


@needs_cuda
@pytest.mark.parametrize("engine", ["eager", "compiled"])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_cuda_gives_the_image_of_the_cpu(profile, dtype, engine):
    """To 1e-6 of the maximum, which is float32's own error."""
    experiment = rich_experiment(profile=profile)
    there = simulate(experiment, device="cuda", dtype=dtype, engine=engine).cpu().double()
    here = simulate(experiment)
    assert (there - here).abs().max() <= 1e-6 * here.max()


@needs_cuda
def test_cuda_gives_the_gradient_of_the_cpu():
    """To 1e-9: sums of float64 in another order."""
    found = []
    for device in ("cpu", "cuda"):
        cell = torch.tensor(31.0, dtype=torch.float64, requires_grad=True)
        simulate(small_experiment(cell_a=cell), device=device).sum().backward()
        found.append(cell.grad)
    torch.testing.assert_close(*found, rtol=1e-9, atol=0)
