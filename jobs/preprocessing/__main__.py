"""`python -m jobs.preprocessing`."""

from __future__ import annotations

import sys

from jobs.preprocessing.job import main

sys.exit(main())
