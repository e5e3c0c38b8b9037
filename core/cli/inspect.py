"""``inspect``: what a file of pairs holds, and what in it may harm the training."""

import contextlib
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from core.cli.output import Progress, note, say, write_json
from core.cli.pairs_file import read_pairs
from core.models import BASE_MODEL, resolve
from core.pairs.checks import run_checks
from core.pairs.context import make_context
from core.pairs.dataset import KIND_IN_WORDS, PairSet
from core.pairs.issue import Issue, count
from core.pairs.read import Table
from core.workspace import Workspace


def run(options: Namespace) -> int:
    workspace = Workspace.at(options.workspace)
    table, pairs = read_pairs(options.file, options.skip_broken, options.column)
    note(f"Looking for what may harm the training in {count(len(pairs), 'row')}.")
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints is not the result
        context = make_context(
            pairs, resolve(BASE_MODEL, workspace), workspace, embeddings=True,
            progress=Progress("Reading the texts with the base model"),
        )
        issues = run_checks(pairs, context)
    if options.json:
        write_json({
            "file": str(Path(options.file).expanduser().resolve()), "format": table.format, "encoding": table.encoding,
            "delimiter": table.delimiter, "header": table.header, "compressed": table.compressed,
            "broken": [{"line": broken.line, "why": broken.why} for broken in table.broken],
            "rows": len(pairs), "kind": pairs.kind, "columns": pairs.columns,
            "issues": [_issue(issue) for issue in issues],
        })
    else:
        _show(table, pairs, issues)
    return 0


def _issue(issue: Issue) -> dict[str, Any]:
    return {
        "check": issue.check, "title": issue.title, "rows": list(issue.rows), "severity": issue.severity,
        "explanation": issue.explanation, "groups": [list(group) for group in issue.groups], "sampled": issue.sampled,
        "fix": issue.fix and {"label": issue.fix.label, "exclude": list(issue.fix.exclude), "clean": issue.fix.clean},
    }


def _show(table: Table, pairs: PairSet, issues: list[Issue]) -> None:
    facts = [table.format, table.encoding, "gzipped" if table.compressed else None]
    say(f"{pairs.name}: {count(len(pairs), 'row')} ({', '.join(fact for fact in facts if fact)})")
    roles = ", ".join(f"{role} = “{column}”" for role, column in pairs.columns.items())
    say(f"It holds {KIND_IN_WORDS[pairs.kind]}: {roles}")
    if not issues:
        say("The checks found nothing to mend.")
    for issue in issues:
        say()
        say(f"{issue.title} ({issue.check}, {_SEVERITY[issue.severity]})")
        say(f"  {issue.explanation}")
        if issue.sampled:
            say(f"  {issue.sampled}")
        for row in issue.rows[:2]:
            texts = pairs.frame.loc[pairs.frame["row"] == row, ["anchor", "positive"]].iloc[0]
            say(f"    {row}: {_short(texts['anchor'])} | {_short(texts['positive'])}")


_SEVERITY = {"bad": "harms the training", "look": "worth a look", "info": "good to know"}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
