"""The steps of the Dockerfile, and the same steps done without Docker.

Each stage is a copy-on-write view of this machine, whose system stands in for the base images. That needs root, for the
mounts: they are in a namespace of their own and end with the program.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PYTHON = Path(sys._base_executable)
SYSTEM = f"PATH={PYTHON.parent}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
PRELUDE = """\
set -eu
space=$(mktemp -d); mount -t tmpfs tmpfs "$space"
stage() {
    for folder in upper work root; do mkdir -p "$space/$1/$folder"; done
    root=$space/$1/root
    mount -t overlay overlay -o "lowerdir=/,upperdir=$space/$1/upper,workdir=$space/$1/work" "$root"
    mount --bind /dev "$root/dev"; mount --bind /proc "$root/proc"
    # The base images' python is there for everybody, and has no packages.
    folder=$PYTHON; while [ "$folder" != / ]; do folder=$(dirname "$folder"); chmod a+x "$root$folder"; done
    [ -e "$root$(dirname "$PYTHON")/python" ] || ln -s "$PYTHON" "$root$(dirname "$PYTHON")/python"
    rm -rf "$root/app" "$root/build" "$root/opt/spotify-assets"
}
run() { chroot "$root" /usr/bin/env "$@"; }
"""


class Step(NamedTuple):
    """An instruction with what follows it."""

    instruction: str
    value: str


def steps() -> list[Step]:
    """The instructions of the Dockerfile, each on one line."""
    lines = [
        line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1] not in ("#", "")
    ]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Step(*line.split(" ", 1)) for line in text.splitlines()]


def context(folder: Path) -> None:
    """Put into a folder what the .dockerignore lets through: all that git has of what it names with `!`."""
    allowed = [
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"
    ]
    listed = subprocess.run(["git", "ls-files", "--", *allowed], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())


def build_and_run(folder: Path, programs: dict[str, list[str]]) -> dict[str, str]:
    """Do the steps and then run programs as the image would, each of which must end well; what each printed.

    Args:
        folder: with the context; the output is kept there.
        programs: by the name of the file that gets what they print.
    """
    script = PRELUDE + "\n".join(_script(folder, programs))
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    subprocess.run(["unshare", "--mount", "bash", "-c", script], check=True, env={**own, "PYTHON": str(PYTHON)})
    return {name: (folder / name).read_text(encoding="utf-8") for name in programs}


def _script(folder: Path, programs: dict[str, list[str]]) -> Iterator[str]:
    variables, user, place, number = SYSTEM, "0", "/", 0
    for step in steps():
        prefix = f"run -C {place} {variables}"
        match step.instruction:
            case "FROM":
                *_, name = step.value.split()
                variables, user, place, number = SYSTEM, "0", "/", number + 1
                yield f"stage {name if ' AS ' in step.value else number}"
            case "WORKDIR":
                place = step.value
                yield f'mkdir -p "$root{place}"'
            case "ENV":
                variables = step.value.replace("$PATH", SYSTEM.removeprefix("PATH="))
            case "USER":
                user = step.value
            case "RUN":
                yield f"{prefix} sh -c {shlex.quote(step.value)} >&2"
            case "COPY":
                yield _copy(folder, place, step.value)
    as_user = f"run -C {place} {variables} setpriv --reuid {user} --regid {user} --clear-groups"
    for name, command in programs.items():
        yield f"{as_user} {shlex.join(command)} > {folder}/{name}"


def _copy(folder: Path, place: str, value: str) -> str:
    options = {word.split("=")[0]: word.split("=")[1] for word in value.split() if word.startswith("--")}
    *sources, target = [word for word in value.split() if not word.startswith("--")]
    target = target if target.startswith("/") else f"{place}/{target.removeprefix('./')}"
    origin = f'"$space/{options["--from"]}/root"' if "--from" in options else str(folder)
    lines = [f'mkdir -p "$root{target if target.endswith("/") else str(Path(target).parent)}"']
    lines += [f'cp -a {origin}/{source.lstrip("/")} "$root{target}"' for source in sources]
    if "--chown" in options:
        lines.append(f'chown -R {options["--chown"]} "$root{target}"')
    return "\n".join(lines)
