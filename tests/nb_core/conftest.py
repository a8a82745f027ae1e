"""Makes the helpers beside the tests importable.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
