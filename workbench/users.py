"""Who may use a shared workbench, and what they did that costs: ``python -m workbench.users add NAME [--may-spend]``.

Passwords are asked for on the terminal, or read from standard input as one line where that is no terminal.
"""

import argparse
import getpass
import json
import sys
import time
from pathlib import Path

from core.errors import WorkbenchError
from core.rights import read_audit
from core.workspace import Workspace, default_workspace
from workbench.team.users import Users


def main(arguments: list[str] | None = None) -> int:
    """Parse the command and do it; 2 where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m workbench.users", description="The users of a shared workbench.")
    parser.add_argument("--workspace", help="the folder that “python -m workbench” was given (default: the usual one)")
    parser.add_argument("--file", help="the file of users (default: users.json in the workspace)")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a user, or give a new password")
    add.add_argument("name")
    add.add_argument("--may-spend", action="store_true", help="may deploy, train and delete where it costs money")
    add.add_argument("--no-password", action="store_true", help="signs in elsewhere (see --sso-header of the workbench)")
    allow = commands.add_parser("may-spend", help="give or take the right to spend money")
    allow.add_argument("name")
    allow.add_argument("answer", choices=["yes", "no"])
    remove = commands.add_parser("remove", help="take a user out of the file; what they made stays")
    remove.add_argument("name")
    commands.add_parser("list", help="the users and their rights")
    audit = commands.add_parser("audit", help="who deployed, trained on AWS and deleted what, when, at what cost")
    audit.add_argument("--json", action="store_true", help="as JSON, one object a line")
    options = parser.parse_args(arguments)
    root = Path(options.workspace).expanduser().resolve() if options.workspace else default_workspace()
    try:
        return _do(options, root, Users(Path(options.file) if options.file else root / "users.json"))
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        return 2


def _do(options: argparse.Namespace, root: Path, users: Users) -> int:
    match options.command:
        case "add":
            users.file.parent.mkdir(parents=True, exist_ok=True)
            users.put(options.name, None if options.no_password else _password(), options.may_spend)
            print(f"{options.name} can sign in now. It is in {users.file}.")
        case "may-spend":
            users.allow(options.name, options.answer == "yes")
        case "remove":
            users.remove(options.name)
        case "list":
            for user in users.all().values():
                how = "with a password" if user.password else "elsewhere"
                print(f"{user.name}: signs in {how}, {'may' if user.may_spend else 'may not'} spend money")
        case "audit":
            for entry in read_audit(Workspace(root)):
                print(json.dumps(entry, ensure_ascii=False) if options.json else in_words(entry))
    return 0


def in_words(entry: dict) -> str:
    """An entry of the audit log as one line, with nothing in it that a terminal would obey."""
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.get("time", 0)))
    price = entry.get("dollars_an_hour")
    cost = f", ${price:,.2f} an hour" if isinstance(price, (int, float)) and price else ""
    done = f"{entry.get('action')} {entry.get('subject')} ({entry.get('where')}{cost}): {entry.get('outcome')}"
    words = f"{when}  {entry.get('who')}  {done}"
    return "".join(letter if letter.isprintable() else "?" for letter in words)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise WorkbenchError("The two are not the same.", "", "Try again.")
    return password


if __name__ == "__main__":
    sys.exit(main())
