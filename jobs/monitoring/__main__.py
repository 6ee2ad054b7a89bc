"""`python -m jobs.monitoring`."""

from __future__ import annotations

import sys

from jobs.monitoring.job import main

sys.exit(main())
