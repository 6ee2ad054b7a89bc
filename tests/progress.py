from __future__ import annotations

import json


def finished(printed: str) -> set[str]:
    """What a command has counted, by the lines of JSON that it printed; each to its end."""
    said = [json.loads(line) for line in printed.splitlines()]
    newest = {one["what"]: (one["done"], one["of"]) for one in said if one["event"] == "progress"}
    assert all(done == of for done, of in newest.values()), newest
    return {*newest}
