"""Hypothesis profiles.

Import no package of nb here: its annotations are checked only when it is imported afterwards.
"""

import os

from hypothesis import settings

settings.register_profile("nb", deadline=None)
settings.register_profile("nb-ci", deadline=None, derandomize=True, database=None)
settings.load_profile("nb-ci" if os.environ.get("CI") else "nb")
