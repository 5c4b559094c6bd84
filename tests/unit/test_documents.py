"""What the documents have one type leaves nothing private lying about in a clone."""

import re
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINES = [
    line.partition("  #")[0].rstrip()
    for document in DOCUMENTS
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(), re.DOTALL)
    for line in block.splitlines()
]
WRITES = r"(?:>|compose cp \S+ |moodring backup |&& mv \S+ )([\w./-]+)"


def test_git_ignores_every_file_that_is_written_into_a_clone() -> None:
    written = {file for line in LINES for file in re.findall(WRITES, line) if file != "-"}
    assert {"moodring.backup", "new.backup", "before.backup", "moodring.passwords", "moodring.acl"} <= written
    done = run(["git", "check-ignore", *sorted(written)], cwd=ROOT, capture_output=True, check=False, text=True)
    assert set(done.stdout.split()) == written


@pytest.mark.parametrize("line", [line for line in LINES if "backup - >" in line])
def test_a_backup_that_the_shell_writes_is_for_its_owner_only(line: str, tmp_path: Path) -> None:
    """With a stand-in for Docker, and the mask that most systems have."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho backup\n")
    docker.chmod(0o755)
    path = f"PATH={tmp_path}:$PATH"
    run(["sh", "-c", f"umask 022; {path}; {line} && touch other"], cwd=tmp_path, check=True)
    (backup,) = tmp_path.glob("*.backup")
    assert backup.read_text() == "backup\n"
    assert backup.stat().st_mode & 0o077 == 0
    assert (tmp_path / "other").stat().st_mode & 0o044, "what is typed next is not under the mask"
