"""The commands and their options. Imports nothing slow: the recipe is looked at only for ``train --help``."""

import argparse
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.recipe import FormField

_EXAMPLES = """\
examples:
  python -m core inspect my_pairs.csv
  python -m core train my_pairs.csv --set epochs=3 --set goal=scores
  python -m core search my_pairs.csv --space learning_rate=5e-5,1e-4 --trials 4
  python -m core runs
  python -m core compare all-MiniLM-L6-v2 my-pairs-quick-1 my_pairs.csv --report report.html
  python -m core blend my-pairs-quick-1 --keep 0.6
  python -m core deploy my-pairs-quick-1 --on here --hours 2

The settings that --set takes are explained by: python -m core train --help
"""


class _Parser(argparse.ArgumentParser):
    """A parser whose help may end with more, a function that is called when the help is asked for, not before."""

    more: Callable[[], str] | None = None

    def format_help(self) -> str:
        if self.more:
            self.epilog = self.more()
        return super().format_help()


_Commands = argparse._SubParsersAction  # has no public name


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; ``options.command`` names the module in ``core.cli`` that runs it."""
    top = argparse.ArgumentParser(
        prog="python -m core", formatter_class=argparse.RawDescriptionHelpFormatter, epilog=_EXAMPLES,
        description="Fine-tune a sentence-embedding model on a file of text pairs, see whether it got better, and serve it.",
    )
    _add_workspace(top, default=None)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)

    inspect = _command(commands, "inspect", "look at a file of pairs: its columns, and what may harm the training")
    _add_file(inspect)

    train = _command(commands, "train", "train a model on a file of pairs, and say whether it got better")
    train.more = settings_help
    _add_file(train)
    train.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="a setting of the training, as listed below; may be given several times. What is not set is chosen from"
        " the data and the machine",
    )
    train.add_argument("--name", metavar="TEXT", help="what the run is called (default: made of the file's name)")
    train.add_argument(
        "--on", choices=("here", "sagemaker"), default="here",
        help="where: here is this machine; sagemaker is a machine of AWS's, which costs money while it trains",
    )
    train.add_argument(
        "--target", action="append", default=[], metavar="NAME=VALUE",
        help="the machine and limits on SageMaker, as listed below; may be given several times",
    )

    search = _command(commands, "search", "train a file several times with other settings, and show which were best")
    _add_file(search)
    search.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE",
        help="a setting that all trials share; as for train, whose help lists them",
    )
    search.add_argument(
        "--space", action="append", default=[], metavar="NAME=VALUE,VALUE",
        help="what to try: learning_rate, batch_size or epochs with several values; may be given several times (default:"
        " half, the same and double the planned learning rate and pairs a step)",
    )
    search.add_argument(
        "--on", choices=("here", "sagemaker"), default="here",
        help="where: here is this machine, one trial after another; sagemaker is a tuning job, which costs money",
    )
    search.add_argument(
        "--target", action="append", default=[], metavar="NAME=VALUE",
        help="the machine and limits on SageMaker, such as instance_type=ml.g5.xlarge or max_dollars=5 for all trials",
    )
    search.add_argument("--trials", type=int, default=9, metavar="N", help="at most so many trainings, 2 to 30 (default: 9)")

    compare = _command(commands, "compare", "compare a model with one or more others on the pairs of a file")
    compare.add_argument("base", metavar="BASE", help="a model: a run's name, a folder, a Hub name or all-MiniLM-L6-v2")
    compare.add_argument(
        "tuned", metavar="TUNED", nargs="+",
        help="the other model, named in the same way; of several, up to five, each is compared with BASE in one table",
    )
    _add_file(compare)
    compare.add_argument(
        "--report", metavar="OUT.html",
        help="also write a report as one HTML file, which needs neither the workbench nor a network",
    )
    compare.add_argument("--csv", metavar="OUT.csv", help="also write each pair with both ranks, for a spreadsheet")
    compare.add_argument("--parquet", metavar="OUT.parquet", help="also write each pair with both ranks, for programs")

    blend = _command(
        commands, "blend", "mix a run's model with the base it started from, which may forget less of general language"
    )
    blend.add_argument("run", metavar="RUN", help="the run's name, as `runs` lists it")
    blend.add_argument(
        "--keep", type=float, metavar="SHARE",
        help="make the mix with this share of the tuned model, such as 0.6, a model of its own; without it several mixes"
        " are asked and shown beside each other",
    )
    blend.add_argument(
        "--way", choices=("linear", "spherical"),
        help="how the weights are mixed (with --keep): on a straight line, or along the arc between them (default: linear)",
    )
    blend.add_argument("--name", metavar="TEXT", help="what the kept blend is called (default: made of the run's name)")

    _command(commands, "runs", "list the runs of the workspace, the newest first")
    resume = _command(commands, "resume", "go on with a run that did not finish, and follow it to its end")
    resume.add_argument("name", metavar="RUN", help="the run's name, as `runs` lists it")
    resume.add_argument(
        "--half", action="store_true", help="start it anew with half the pairs a step, as after it ran out of memory"
    )
    stop = _command(commands, "stop", "stop a run after its current step; the best model so far is kept")
    stop.add_argument("name", metavar="RUN", help="the run's name, as `runs` lists it")

    aws = _command(commands, "aws", "say which AWS account is used and what is missing in it, and keep what was chosen")
    aws.add_argument("--profile", metavar="NAME", help="a profile of the AWS configuration; '' leaves it to boto3")
    aws.add_argument("--region", metavar="NAME", help="where everything is made and paid for, such as eu-central-1")
    aws.add_argument("--role", metavar="ARN", help="the role that SageMaker acts in; '' takes the likeliest")
    aws.add_argument("--bucket", metavar="NAME", help="the bucket for data and models; '' takes the workbench's own")
    aws.add_argument("--make-bucket", action="store_true", help="make the bucket if it is not there")

    deploy = _command(commands, "deploy", "put a model in service, and check that it answers the model's own vectors")
    deploy.add_argument("run", metavar="RUN", help="a model: a run's name, a folder, a Hub name or all-MiniLM-L6-v2")
    deploy.add_argument(
        "--on", choices=("here", "sagemaker", "serverless", "tei"), default="here",
        help="where: here is a process on this machine and free; sagemaker is machines of your AWS account, serverless costs"
        " there only while it works, tei is sagemaker with the text-embeddings-inference image (default: here)",
    )
    for name, metavar, type_, text in (
        ("--instance-type", "TYPE", str, "the machine, such as ml.m5.large (sagemaker, tei)"),
        ("--count", "N", int, "how many machines, at first (sagemaker, tei)"),
        ("--min", "N", int, "the fewest machines where their number follows the calls (sagemaker, tei)"),
        ("--max", "N", int, "the most machines; without it their number stays (sagemaker, tei)"),
        ("--calls-a-minute", "N", int, "calls that one machine is to answer (sagemaker, tei with --max)"),
        ("--memory", "MB", int, "1024 to 6144 in steps of 1024 (serverless)"),
        ("--concurrency", "N", int, "how many calls are answered at a time, 1 to 200 (serverless)"),
    ):
        deploy.add_argument(name, metavar=metavar, type=type_, help=text)
    deploy.add_argument(
        "--hours", type=_hours, default=8.0, metavar="N",
        help="the endpoint deletes itself after N hours (default: 8); never for one that stays until it is deleted",
    )
    _command(
        commands, "endpoints",
        "list the endpoints here and in the AWS account, the newest first, after deleting those whose time is over",
    )
    delete = _command(commands, "delete", "delete an endpoint, a run or a pair set with all that belongs to it")
    which = delete.add_mutually_exclusive_group()
    which.add_argument("name", nargs="?", metavar="NAME", help="the endpoint's name, as `endpoints` lists it")
    which.add_argument("--mine", action="store_true", help="delete every endpoint that you made")
    which.add_argument("--run", metavar="RUN", help="delete a run with its model, as `runs` lists it; asks first")
    which.add_argument(
        "--set", metavar="SET",
        help="delete a pair set with the copy of its file; SET is what its folder in sets/ of the workspace is called, and"
        " what the page's address says after set=; asks first",
    )
    delete.add_argument("--yes", action="store_true", help="with --run or --set: do not ask")
    delete.add_argument(
        "--leftovers", action="store_true",
        help="also remove what earlier deployments and trainings have left in the AWS account; jobs at work are only listed",
    )
    doctor = _command(
        commands, "doctor", "say what is wrong with the installation, the workspace, the disk and the AWS account, and what to do"
    )
    doctor.add_argument(
        "--aws", action="store_true",
        help="ask AWS although nothing on this machine says that it is used, as where an instance's own role gives credentials",
    )
    doctor.add_argument(
        "--bundle", metavar="FILE.zip",
        help="also write a support bundle: versions, what was found, settings of the runs; no text, name or secret of yours",
    )
    doctor.add_argument(
        "--log", metavar="FILE", help="with --bundle: the log that the workbench was started with (--log), put in without texts"
    )
    return top


def _hours(text: str) -> float | None:
    """A lifetime in hours, None for no end."""
    return None if text == "never" else float(text)


def _command(commands: "_Commands[_Parser]", name: str, text: str) -> _Parser:
    command = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=name)
    command.add_argument("--json", action="store_true", help="write the result to standard output as JSON alone")
    _add_workspace(command, default=argparse.SUPPRESS)  # given before the command it holds too
    return command


def _add_workspace(target: argparse.ArgumentParser, default: str | None) -> None:
    target.add_argument(
        "--workspace", metavar="DIR", default=default,
        help="the folder with pair sets, runs and caches (default: embedding-workbench under your data directory)",
    )


def _add_file(target: argparse.ArgumentParser) -> None:
    target.add_argument(
        "file", metavar="FILE",
        help="pairs as CSV, TSV, JSON, JSON Lines, Parquet or Excel; text formats may be gzipped",
    )
    target.add_argument(
        "--skip-broken", action="store_true", help="go on without the lines that cannot be read, and say which they are"
    )
    target.add_argument(
        "--column", action="append", default=[], metavar="ROLE=NAME",
        help="which column is what, where the guess is wrong; ROLE is anchor (the question), positive (the answer),"
        " negative (a wrong answer), score, label or group; nothing after the = for no such column; may be given"
        " several times",
    )


def settings_help() -> str:
    """Every setting of recipe and target with what it accepts, its default and its help."""
    from core.recipe import form_fields
    from core.runs.target import Target

    target = [field for field in form_fields(Target) if field.name != "on"]  # which has an option of its own
    return "\n".join([
        "settings for --set:", *_about(form_fields(), "chosen from the data"), "settings for --target:",
        *_about(target, "none"),
    ])


def _about(fields: "list[FormField]", unset: str) -> list[str]:
    """A paragraph for each field; ``unset`` says what a field without a default has."""
    from core.recipe import allowed

    lines = []
    for field in fields:
        default = unset if field.default is None else _text(field.default)
        about = f"{field.label}: {allowed(field)}; default: {default}. {field.help}"
        lines += [f"  {field.name}", *textwrap.wrap(about, 100, initial_indent=" " * 6, subsequent_indent=" " * 6)]
    return lines


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value == () else str(value)
