"""The page of a comparison: what it says, that it is safe, and that its pixels are right."""

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nb_compare import report_planes
from nb_compare.report import report_html, write_report
from nb_compare.report_planes import make_planes, pack, round_floats
from nb_compare.report_tables import near_one, number
from nb_compare.summary import measure
from nb_core import InputError, OutputError

REFERENCE = np.random.default_rng(0).gamma(0.5, 20, (24, 32)).astype(np.float32)
IMAGE = REFERENCE * np.float32(1.001)
HOSTILE = "</script ></script><img src=x onerror=alert(1)>&\"'{{style}}<!--"
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def summary(image=IMAGE, reference=REFERENCE, /, **more):
    parts = {
        "schema": "nb-compare/1",
        "created": "2026-11-21T06:30:00Z",
        "arguments": ["-N", "5"],
        "thresholds": {"correlation": 0.9999999, "sum_tolerance": 1e-6},
        "shape": list(reference.shape),
        "reference": {"kind": "program", "name": "nanoBragg", "sha256": "a" * 64},
        "nb": {"version": "0.1.0", "command": "nb simulate -- -N 5", "seconds": 0.25},
        "inputs": [{"name": "P1.hkl", "sha256": "b" * 64}],
        "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.6"}},
    }
    return {**parts, **measure(image, reference), **more}


class Page(HTMLParser):
    """The elements of a page, its text, and the content of its scripts."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.scripts, self.inside = [], [], {}, ("", "")
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = (tag, dict(attrs).get("id", "code"))

    def handle_endtag(self, tag):
        self.inside = ("", "")

    def handle_data(self, text):
        tag, name = self.inside
        if tag == "script":
            self.scripts[name] = self.scripts.get(name, "") + text
        elif tag != "style":
            self.texts.append(text)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def plane(page, name):
    """The codes of a plane, as the page's script reads them."""
    raw = gzip.decompress(base64.b64decode(page.scripts[f"plane-{name}"]))
    planes = np.frombuffer(raw, np.uint8).reshape(3, -1).astype(np.uint32)
    return planes[0] << 24 | planes[1] << 16 | planes[2] << 8


def test_what_it_says():
    page = Page(report_html(summary(), IMAGE, REFERENCE))
    for text in (
        "The images differ",
        "is further than 1e-06 from 1",
        "1.001 1 ± 1e−6",
        "24 × 32",
        "C program",
        "nanoBragg",
        "✗ not met",
        "✓ met",
        "nb simulate -- -N 5",
        "0.25 s",
        "a" * 64,
        "b" * 64,
        "packages numpy",
        "2.4.6",
        "Every pixel is shown",
        "more than 1024",
    ):
        assert text in page.text, text
    assert "The images agree" not in page.text


def test_an_agreement():
    page = Page(report_html(summary(REFERENCE, REFERENCE), REFERENCE, REFERENCE))
    assert "The images agree" in page.text
    assert "✗" not in page.text
    assert "768 100.00 %" in page.text


def test_it_holds_the_summary():
    page = Page(report_html(summary(), IMAGE, REFERENCE))
    assert json.loads(page.scripts["summary"]) == summary()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"verdict": None, "metrics": None, "reference": None, "nb": {}, "inputs": None},
        {"metrics": {"correlation": None, "sum_ratio": float("nan"), "worst": None}},
        {"peaks": {"reference": 0, "image": 3, "mean_displacement": None, "brightest": []}},
        {"blocks": {"size": [1, 1], "max_relative": [[None]]}, "ulp_histogram": []},
        {"environment": {"a": [1, {"b": None}], "c": None}, "thresholds": {}},
    ],
)
def test_what_is_absent_is_left_out(given):
    page = Page(report_html(given, IMAGE, REFERENCE))
    assert "None" not in page.text.replace("None of", "")
    assert not re.search(r"\bnan\b", page.text)
    json.loads(page.scripts["summary"], parse_constant=pytest.fail)
    json.loads(page.scripts["viewer-data"], parse_constant=pytest.fail)


def test_what_was_compared():
    more = {"roi": [3, 30, 4, 20], "resampled_from": [48, 64]}
    text = Page(report_html(summary(**more), IMAGE, REFERENCE)).text
    assert "slow 4 to 20, fast 3 to 30" in text
    assert "48 × 64" in text
    golden = {"reference": {"kind": "golden", "name": "case 7"}}
    assert "Recorded image" in Page(report_html(summary(**golden), IMAGE, REFERENCE)).text


def test_nothing_from_outside_becomes_markup():
    hostile = {
        "created": HOSTILE,
        "verdict": HOSTILE,
        "reasons": [HOSTILE],
        "arguments": [HOSTILE],
        "shape": [HOSTILE],
        "roi": [HOSTILE] * 4,
        "resampled_from": [HOSTILE],
        "reference": dict.fromkeys(("kind", "name", "sha256", "command", "seconds"), HOSTILE),
        "nb": dict.fromkeys(("version", "command", "seconds", "device", "dtype"), HOSTILE)
        | {"engine": dict.fromkeys(("name", "reason"), HOSTILE)},
        "inputs": [{"name": HOSTILE, "sha256": HOSTILE}],
        "environment": {HOSTILE: {HOSTILE: HOSTILE}},
    }
    plain = Page(report_html(summary(), IMAGE, REFERENCE))
    page = Page(report_html(summary(**hostile), IMAGE, REFERENCE))
    assert not [tag for tag, _ in page.elements if tag == "img"]
    assert not [keys for _, keys in page.elements if "onerror" in keys]
    scripts = [[keys for tag, keys in each.elements if tag == "script"] for each in (plain, page)]
    assert scripts[0] == scripts[1]
    assert page.text.count("<img src=x onerror=alert(1)>") >= 12
    assert json.loads(page.scripts["summary"])["created"] == HOSTILE


def test_nothing_is_loaded():
    html = report_html(summary(), IMAGE, REFERENCE)
    assert not re.findall(r"https?:|url\(|@import|//cdn", html)
    page = Page(html)
    links = [
        keys.get(name) for _, keys in page.elements for name in ("src", "href") if name in keys
    ]
    assert links == ["data:,"]
    (policy,) = [keys["content"] for _, keys in page.elements if "http-equiv" in keys]
    assert policy.startswith("default-src 'none'")


def test_every_control_has_a_name():
    page = Page(report_html(summary(), IMAGE, REFERENCE))
    canvases = [keys for tag, keys in page.elements if tag == "canvas"]
    assert len(canvases) == 4
    assert all(keys["aria-label"] and keys["tabindex"] == "0" for keys in canvases)
    ids = [keys["id"] for _, keys in page.elements if "id" in keys]
    assert len(ids) == len(set(ids))
    named = [keys["aria-labelledby"] for _, keys in page.elements if "aria-labelledby" in keys]
    assert set(named) <= set(ids)


@given(arrays(np.float32, 4, elements=numbers), st.integers(7, 15))
def test_rounding_is_relative(values, bits):
    found = round_floats(values, bits)
    assert not np.any(found & np.uint32((1 << (23 - bits)) - 1))
    near = found.view(np.float32).astype(np.float64)
    assert np.isfinite(near).all()
    assert (np.abs(near - values) <= np.abs(values) * 2.0**-bits + 2.0**-127).all()
    usual = np.abs(values.astype(float)) < 3e38
    close = np.abs(near - values) <= np.abs(values.astype(float)) * 2.0 ** -(bits + 1) + 2.0**-127
    assert close[usual].all()


def test_the_largest_numbers_stay_finite():
    largest = np.finfo(np.float32).max
    found = round_floats(np.array([largest, -largest]), 10).view(np.float32)
    np.testing.assert_allclose(found, [largest, -largest], rtol=1e-3)


@given(arrays(np.uint32, (2, 3), elements=st.integers(0, 2**24 - 1)))
def test_packing_keeps_the_three_upper_bytes(codes):
    raw = gzip.decompress(base64.b64decode(pack(codes << np.uint32(8))))
    planes = np.frombuffer(raw, np.uint8).reshape(3, 6).astype(np.uint32)
    np.testing.assert_array_equal(planes[0] << 16 | planes[1] << 8 | planes[2], codes.ravel())


def test_the_pixels_of_the_page():
    page = Page(report_html(summary(), IMAGE, REFERENCE))
    theirs = plane(page, "reference")
    ours = plane(page, "image") ^ theirs
    apart = plane(page, "difference")
    np.testing.assert_allclose(theirs.view(np.float32), REFERENCE.ravel(), rtol=1e-4)
    np.testing.assert_allclose(ours.view(np.float32), IMAGE.ravel(), rtol=1e-4)
    expected = (IMAGE.astype(float) - REFERENCE).ravel()
    np.testing.assert_allclose(apart.view(np.float32), expected, rtol=1e-3)


def test_a_large_image_is_reduced(monkeypatch):
    monkeypatch.setattr(report_planes, "LARGEST_SIDE", 16)
    image = REFERENCE.copy()
    image[9, 10] -= 500
    page = Page(report_html(summary(image), image, REFERENCE))
    data = json.loads(page.scripts["viewer-data"])
    assert (data["block"], data["cells"], data["shape"]) == (2, [12, 16], [24, 32])
    assert "one cell stands for 2 × 2" in page.text
    means = REFERENCE.astype(float).reshape(12, 2, 16, 2).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(plane(page, "reference").view(np.float32), means, rtol=1e-4)
    apart = plane(page, "difference").view(np.float32).reshape(12, 16)
    assert apart[4, 5] == pytest.approx(-500, rel=1e-3)
    assert np.count_nonzero(apart) == 1


def test_the_page_of_a_large_image_can_be_mailed(tmp_path):
    rng = np.random.default_rng(0)
    reference = rng.standard_gamma(0.5, (4096, 4096), np.float32)
    image = reference[::-1].copy()
    planes = make_planes(image, reference)
    size = sum(len(text) for text in (planes.reference, planes.image, planes.difference))
    assert 1_000_000 < size <= report_planes.LARGEST_TEXT
    assert planes.shown.shape == (-(-4096 // planes.block),) * 2


def test_it_is_written_whole(tmp_path):
    write_report(tmp_path / "r.html", summary(), IMAGE, REFERENCE)
    expected = report_html(summary(), IMAGE, REFERENCE)
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == expected
    with pytest.raises(OutputError, match="folder"):
        write_report(tmp_path / "no" / "r.html", summary(), IMAGE, REFERENCE)
    with pytest.raises(InputError, match="reference's shape"):
        write_report(tmp_path / "s.html", summary(), IMAGE, REFERENCE[1:])
    assert [path.name for path in tmp_path.iterdir()] == ["r.html"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.9999999, "1 − 1e−7"),
        (1.00000025, "1 + 2.5e−7"),
        (0.5, "0.5"),
        (None, "–"),
        (float("nan"), "–"),
        ("1", "–"),
    ],
)
def test_numbers_near_one(value, text):
    assert near_one(value) == text


@pytest.mark.parametrize(("value", "text"), [(-2.5e-7, "−2.5e−7"), (1e20, "1e+20"), ("x", "–")])
def test_numbers(value, text):
    assert number(value) == text
