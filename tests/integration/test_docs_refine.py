"""The notebook and the example of how to refine, run as they stand."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "refinement.ipynb"


def run_python(text: str, folder: Path) -> str:
    command = [sys.executable, "-c", text]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_notebook_still_prints_what_it_shows(tmp_path: Path) -> None:
    """Up to the names of stages and parameters: digits may depend on the machine."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    source = "\n".join("".join(cell["source"]) for cell in code)
    outputs = [output for cell in code for output in cell["outputs"] if "text" in output]
    shown = "".join("".join(output["text"]) for output in outputs)
    printed = run_python(f"import matplotlib\nmatplotlib.use('Agg')\n{source}", tmp_path)
    words = re.compile(r"^(?:misset|cell|scale)\w*(?= .*->)", re.MULTILINE)
    assert words.findall(printed) == words.findall(shown)
    assert len(words.findall(shown)) == 10
    assert "converged" in printed


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "refine.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    value, chi_squared = re.findall(r"[\d.]+", run_python(example, tmp_path))[::2]
    assert 29.9 < float(value) < 30.1
    assert float(chi_squared) < 2
