"""Which profile, region, role and bucket the person chose. No secret is among them."""

from dataclasses import asdict, dataclass, fields

from core.workspace import Workspace, read_json, write_json


@dataclass(frozen=True)
class Choices:
    """What was chosen; None is left to boto3 (profile, region) or to the workbench (role, bucket)."""

    profile: str | None = None
    region: str | None = None
    role: str | None = None
    bucket: str | None = None


def read_choices(workspace: Workspace) -> Choices:
    """What was chosen last; nothing where the file is missing or damaged."""
    kept = read_json(workspace.root / "aws.json")
    if not isinstance(kept, dict):
        return Choices()
    names = [field.name for field in fields(Choices)]
    return Choices(**{name: kept[name] for name in names if isinstance(kept.get(name), str) and kept[name]})


def has_choices(workspace: Workspace) -> bool:
    """Whether anything was ever chosen here, if only to leave everything to boto3."""
    return (workspace.root / "aws.json").is_file()


def save_choices(workspace: Workspace, choices: Choices) -> None:
    """Keep what was chosen in the workspace's ``aws.json``."""
    write_json(workspace.root / "aws.json", asdict(choices))
