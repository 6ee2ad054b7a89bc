"""`python -m jobs.training_inference`."""

from __future__ import annotations

import sys

from jobs.training_inference.job import main

sys.exit(main())
