"""`python -m tests.prove.scoring_trial ROOT MODEL`: score real rows with a model, in a process that may die of it."""

from __future__ import annotations

import sys
from pathlib import Path

from jobs.protocol import model_bank, partitions
from jobs.protocol.errors import StoreDamaged
from jobs.protocol.files import Root
from jobs.protocol.layers import FEATURES
from jobs.scorer import scorer
from jobs.training_inference import scoring
from tests import stored
from tests.prove import training

if __name__ == "__main__":
    root = Root(Path(sys.argv[1]))
    model = model_bank.get(root, sys.argv[2], None)
    rows = stored.scan(root, partitions.existing(root, FEATURES, training.FIRST)).collect()
    try:
        scoring.scores(scorer.of(model.files), rows, threads=1)
    except StoreDamaged as error:
        print(error, file=sys.stderr)
        sys.exit(StoreDamaged.exit_code)
