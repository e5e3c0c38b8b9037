"""The workbench without a browser: ``python -m core --help``.

Standard output holds the result, and JSON alone with --json; everything else goes to standard error. Exit status: 0 for
success, 1 for a training that failed, 2 for input that cannot be used, 130 after Ctrl-C.
"""

import importlib
import io
import os
import sys

from core.cli.arguments import parser
from core.cli.output import explain
from core.errors import WorkbenchError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter must not end the command
    options = parser().parse_args(arguments)
    command = importlib.import_module(f"core.cli.{options.command}")
    try:
        status: int = command.run(options)
        sys.stdout.flush()
        return status
    except WorkbenchError as error:
        explain(error.as_dict())
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read standard output (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


if __name__ == "__main__":
    sys.exit(main())
