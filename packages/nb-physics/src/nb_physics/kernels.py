"""The compiled kernels that are kept: which an experiment takes, building and removing them."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Sequence

import torch

from nb_core import Experiment, InputError, NbWarning, OutputError
from nb_physics.devices import computing_device
from nb_physics.engine import cache
from nb_physics.engine.cache import KeptKernel, cache_folder, is_at_hand
from nb_physics.engine.derive import gradient_kernels
from nb_physics.engine.kernel import KernelKind
from nb_physics.engine.make import make_kernels
from nb_physics.engine.walk import needed_kernels
from nb_physics.plan import Plan, make_plan
from nb_physics.scene import make_scene, scene_to


def kernels_of(
    experiment: Experiment | Plan,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float64,
    gradient: bool = False,
) -> list[KernelKind]:
    """The kernels that an experiment's image takes, each of which serves all work of its kind.

    gradient: those of the backward pass, too; warns where there are none
    Raises InputError as `simulate`, and for mps, which has none.
    """
    target = computing_device(device, dtype)
    if target.type == "mps":
        raise InputError("device", device, "there are no kernels for it; choose cpu or cuda")
    plan = experiment if isinstance(experiment, Plan) else make_plan(experiment)
    found: list[KernelKind] = []
    for number in range(len(plan.crystals)):
        scene = scene_to(make_scene(plan, number), target)
        kernels = needed_kernels(scene, dtype, target)
        found += kernels
        if not gradient:
            continue
        derived = gradient_kernels(kernels, scene)
        if derived is None and not number:
            message = "no kernels of the gradient: with dmin or -oversample_thick, _polar, _omega"
            warnings.warn(f"{message} it is computed eagerly", NbWarning, stacklevel=2)
        found += derived or []
    return list(dict.fromkeys(found))


def build_kernels(kernels: Sequence[KernelKind]) -> list[KernelKind]:
    """Builds kernels side by side and keeps them; gives those that were not there already.

    Raises BuildError where the compiler fails, OutputError where the folder takes no file.
    """
    missing = [kernel for kernel in kernels if not is_at_hand(kernel)]
    if missing:
        _check_folder()
        make_kernels(missing)
    return missing


def _check_folder() -> None:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = f"takes no kernels: {error.strerror}; NB_CACHE_DIR names another folder"
        raise OutputError(folder, reason) from error


def kept_kernels() -> list[KeptKernel]:
    """All kernels that are kept, by name. Raises InputError for a folder that cannot be read."""
    try:
        return cache.kept_kernels()
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}; NB_CACHE_DIR names another folder"
        raise InputError("kernels", os.fspath(cache_folder()), remedy) from error


def clear_kernels(*, old: bool = False) -> list[KeptKernel]:
    """Removes the kernels that are kept; gives those that it removed.

    old: only those of another version of nb, torch or Python than this one
    Raises InputError as `kept_kernels`, and OutputError for one that cannot be removed.
    """
    chosen = [kernel for kernel in kept_kernels() if not (old and kernel.current)]
    for kernel in chosen:
        try:
            cache.remove(kernel.path)
        except OSError as error:
            raise OutputError(kernel.path, f"cannot be removed: {error.strerror}") from error
    return chosen
