"""What a comparison found, as the dictionary that the schema nb-compare/1 describes."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

import numpy as np
from jaxtyping import Float32

from nb_compare.blocks import block_map
from nb_compare.metrics import ImageDifference, compare_images
from nb_compare.peaks import match_peaks
from nb_compare.ulp import ulp_histogram

SCHEMA = "nb-compare/1"


@dataclass(frozen=True)
class Thresholds:
    """What counts as agreement.

    correlation: the least
    sum_tolerance: how far the ratio of the sums may be from 1
    """

    correlation: float = 0.9999999
    sum_tolerance: float = 1e-6


def measure(
    image: Float32[np.ndarray, "slow fast"],
    reference: Float32[np.ndarray, "_ _"],
    thresholds: Thresholds | None = None,
) -> dict[str, Any]:
    """The verdict on two images, with what it rests on: the parts of a summary that images give.

    Keys verdict, reasons, metrics, ulp_histogram, peaks and blocks; None stands for NaN and
    infinity, which JSON lacks.
    Raises InputError as `compare_images` does.
    """
    difference = compare_images(image, reference)
    reasons = find_reasons(difference, thresholds or Thresholds())
    blocks = block_map(image, reference)
    return {
        "verdict": "differ" if reasons else "agree",
        "reasons": reasons,
        "metrics": to_json_types(asdict(difference)),
        "ulp_histogram": [asdict(part) for part in ulp_histogram(image, reference)],
        "peaks": to_json_types(asdict(match_peaks(image, reference))),
        "blocks": {
            "size": list(blocks.size),
            "max_relative": to_json_types(blocks.max_relative.tolist()),
        },
    }


def find_reasons(difference: ImageDifference, thresholds: Thresholds) -> list[str]:
    """Why the images do not agree, one phrase a threshold; empty where they do.

    Where the correlation is undefined, as an image is constant, the largest relative difference
    is held against sum_tolerance instead: two constant images of one value agree.
    """
    reasons = []
    least, tolerance = thresholds.correlation, thresholds.sum_tolerance
    if math.isnan(difference.correlation):
        if not abs(difference.max_relative) <= tolerance:
            reasons.append("an image is constant, so that there is no correlation")
    elif difference.correlation < least:
        reasons.append(f"correlation {difference.correlation:.9g} is below {least:.9g}")
    if not abs(difference.sum_ratio - 1) <= tolerance:
        ratio = difference.sum_ratio
        far = f"sum ratio {ratio:.9g} is further than {tolerance:g} from 1"
        reasons.append(far if math.isfinite(ratio) else "the sum of the reference is 0")
    return reasons


def to_json_types(value: Any) -> Any:
    """The value in JSON's types: lists for tuples, None for NaN and infinity."""
    if isinstance(value, dict):
        return {key: to_json_types(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_types(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def summary_schema() -> dict[str, Any]:
    """The JSON schema of a summary (draft 2020-12)."""
    name = "schema/nb-compare-1.json"
    text = resources.files("nb_compare").joinpath(name).read_text(encoding="utf-8")
    schema = json.loads(text)
    assert isinstance(schema, dict)
    return schema
