"""Write what code and contracts say for people: `python docs/generate.py`; --check says what is stale, and exits 1.

The data dictionary and the list of contracts that are clear come whole from jobs/contracts, the reference from every
command's --help; in contracts.md the tables between the marks come from the code.
"""  # noqa: INP001 - a program beside the pages it writes, not a package

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))  # run as a file, it finds the program whose contracts it describes

from jobs.decisions.__main__ import COMMANDS as DECISIONS  # noqa: E402
from jobs.protocol import contract, schemas  # noqa: E402

LAYERS = {
    "bronze": "What landed, as text.",
    "silver": "Typed and clean; what is refused is listed in `_rejects`.",
    "gold": "What models and reports read.",
}
JOBS = ("preprocessing", "training_inference", "monitoring")
COMMANDS = {
    "The three jobs": JOBS,
    "Decisions": ("decisions", *(f"decisions {name}" for name in DECISIONS)),
    "Looking": ("sql", "evaluate"),
    "Sources": ("simulate", "import_lending_club"),
    "All of it": ("replay", "demo"),
}
WIDTH = "100"  # of a line of help; argparse asks the environment
SIGNS = {"minimum": "≥ {}", "maximum": "≤ {}", "exclusiveMinimum": "> {}", "exclusiveMaximum": "< {}"}
WORDS = {"multipleOf": "multiple of {}", "minLength": "{} characters or more", "maxLength": "{} characters or fewer"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is out of date")
    check = parser.parse_args().check
    stale = {path: text for path, text in pages().items() if not path.is_file() or path.read_text("utf-8") != text}
    for path, text in stale.items():
        sys.stdout.write(f"{path.relative_to(DOCS.parent)} {'is out of date' if check else 'written'}\n")
        if not check:
            path.write_text(text, "utf-8")
    return 1 if check and stale else 0


def pages() -> dict[Path, str]:
    """Every generated page with its text."""
    guide = DOCS / "contracts.md"
    return {
        DOCS / "data-dictionary.md": dictionary(),
        DOCS / "reference.md": reference(),
        guide: filled(guide.read_text("utf-8")),
        contract.KNOWN: known(),
    }


def known() -> str:
    """The contracts of tables that are clear, as sha256sum lists them; one that is not is refused here."""
    lines = []
    for path in sorted(path for layer in LAYERS for path in (schemas.HOME / layer).glob("*.json")):
        name = path.relative_to(schemas.HOME).as_posix()
        contract.refuse_unclear(data := path.read_bytes(), name=name.removesuffix(".json"))
        lines.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
    return "".join(lines)


def reference() -> str:
    """What every command says of itself."""
    lines = ["# Reference of commands", "", "Generated from `--help` by `python docs/generate.py`; do not edit."]
    lines += ["`python` is `.venv/bin/python`. Exit codes and messages are explained in the [runbook](runbook.md)."]
    for part, names in COMMANDS.items():
        lines += ["", f"## {part}"]
        for name in names:
            lines += ["", f"### python -m jobs.{name}", "", "```text", help_of(name), "```"]
    return "\n".join(lines) + "\n"


def help_of(name: str) -> str:
    package, *command = name.split()
    main = importlib.import_module(f"jobs.{package}.{'job' if package in JOBS else '__main__'}").main
    os.environ["COLUMNS"] = WIDTH
    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        main([*command, "--help"])
    return "\n".join(line.rstrip() for line in said.getvalue().strip().splitlines())


def filled(guide: str) -> str:
    """The guide with its tables as the code has them."""
    language = schemas.document("contract")
    words = {name: resolved(word, language) for name, word in language["$defs"]["schema"]["properties"].items()}
    plain = {name: word for name, word in words.items() if not name.startswith("x-") and "not" not in word}
    meant = {name: word["description"] for name, word in plain.items() if "description" in word}
    tables = {
        "annotations": table_of_annotations(language, words),
        "compiled": table(
            ("keyword", "a row or value keeps it where"), ((f"`{name}`", meaning) for name, meaning in meant.items())
        ),
        "ignored": ", ".join(f"`{name}`" for name in plain if name not in meant),
        "refused": table_of_refused(words),
    }
    for name, text in tables.items():
        first, last = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
        before, _, rest = guide.partition(first)
        guide = f"{before}{first}\n{text}\n{last}{rest.partition(last)[2]}"
    return guide


def table_of_annotations(language: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    needed = {*language["required"], *language["$defs"]["column"]["required"]}
    rows = [
        (
            f"`{name}`",
            ("table" if name in ("x-version", "x-key") else "column") + (", needed" if name in needed else ""),
            word["description"],
            schemas.allowed(word),
        )
        for name, word in words.items()
        if name.startswith("x-")
    ]
    return table(("annotation", "stands in a", "says", "values"), rows)


def table_of_refused(words: Mapping[str, Any]) -> str:
    reasons: dict[str, list[str]] = {}
    for keyword, word in words.items():
        if "not" in word:
            reasons.setdefault(word["x-allowed"].removeprefix("nothing: "), []).append(f"`{keyword}`")
    return table(
        ("keywords", "why not in the contract of a table"), ((", ".join(found), why) for why, found in reasons.items())
    )


def dictionary() -> str:
    names = sorted(path.relative_to(schemas.HOME).with_suffix("").as_posix() for path in schemas.HOME.rglob("*.json"))
    lines = ["# Data dictionary", "", "Generated from `jobs/contracts` by `python docs/generate.py`; do not edit."]
    for layer, about in LAYERS.items():
        lines += ["", f"## {layer}", "", about]
        for name in (name for name in names if name.startswith(f"{layer}/")):
            lines += ["", *of_table(contract.load(name))]
    lines += ["", "## Other files", "", "Decisions, manifests and everything else that is JSON."]
    for name in (name for name in names if "/" not in name and name != "contract"):  # contracts.md is about that
        lines += ["", *of_document(name, schemas.document(name))]
    return "\n".join(lines) + "\n"


def of_table(made: contract.Contract) -> Iterator[str]:
    key = ", ".join(made.key) or "none"
    yield from (f"### {made.name}", "", made.schema["description"], "", f"Version {made.version}, key: {key}.", "")
    kept = [head for head, told in COLUMN.items() if any(told(column) for column in made.columns)]
    yield table(("column", *kept), ((f"`{c.name}`", *(COLUMN[head](c) for head in kept)) for c in made.columns))


def soft(column: contract.Column) -> str:
    said = (("≥", column.soft_minimum), ("≤", column.soft_maximum))
    return " ".join(f"{sign} {number(limit)}" for sign, limit in said if limit is not None)


COLUMN: Mapping[str, Callable[[contract.Column], str]] = {
    "meaning": lambda column: column.description,
    "dtype": lambda column: column.dtype + (", may be null" if column.nullable else ""),
    "refused unless": lambda column: limits(column.schema),
    "flagged unless": soft,
    "unit": lambda column: column.unit or "",
    "role": lambda column: column.role or "",
    "risk": lambda column: {1: "rises with it", -1: "falls with it"}.get(column.monotone, ""),
    "filled from": lambda column: str(column.era or ""),
}


def of_document(name: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "", schema["description"], "")
    yield table(("field", "type", "meaning", "allowed", "default"), fields(schema, schema, ""))


def fields(part: Mapping[str, Any], whole: Mapping[str, Any], path: str) -> Iterator[tuple[str, ...]]:
    for name, given in part.get("properties", {}).items():
        field = resolved(given, whole)
        default = json.dumps(field["default"]) if "default" in field else ""
        yield f"`{path}{name}`", types(field), field.get("description", ""), limits(field), default
        yield from fields(field, whole, f"{path}{name}.")
        if isinstance(field.get("items"), dict):
            yield from fields(resolved(field["items"], whole), whole, f"{path}{name}[].")


def resolved(part: Mapping[str, Any], whole: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in part:
        return part
    return {**whole["$defs"][part["$ref"].rpartition("/")[2]], **part}


def types(schema: Mapping[str, Any]) -> str:
    found = schema.get("type", "")
    return found if isinstance(found, str) else " or ".join(found)


def number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}"


def limits(schema: Mapping[str, Any]) -> str:
    """The hard limits in short."""
    said = [form.format(number(schema[word])) for word, form in (SIGNS | WORDS).items() if word in schema]
    said = ["not empty" if text == WORDS["minLength"].format(1) else text for text in said]
    said += [f"matches `{schema['pattern']}`"] if "pattern" in schema else []
    said += [", ".join(json.dumps(value) for value in schema["enum"] if value is not None)] if "enum" in schema else []
    said += [json.dumps(schema["const"])] if "const" in schema else []
    said += [" or ".join(filter(None, map(limits, schema["anyOf"])))] if "anyOf" in schema else []
    return "; ".join(said)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
