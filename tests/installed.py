"""The project as users get it: built, and installed into environments of their own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = str(Path(sys.executable).with_name("uv"))
GIT = ("git", "ls-files", "-z", "--cached", "--exclude-standard")


def sources(folder: Path) -> Path:
    """A copy of what Git knows, and of what is new: setuptools writes beside its sources."""
    files = subprocess.check_output([*GIT, "--others"], cwd=ROOT, text=True).split("\0")
    for name in files:
        if name.startswith(("factory/", "embedded/")) or "/" not in name:
            path = ROOT / name
            if path.is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(path.read_bytes())
    return folder


def build(what: str, source: Path, made: Path) -> Path:
    """Build a `wheel` or an `sdist` of a folder, or of an sdist."""
    command = [UV, "build", f"--{what}", "--no-build-isolation", "--offline", "--quiet"]
    subprocess.run(
        [*command, "--python", sys.executable, "--out-dir", str(made), str(source)], check=True
    )
    (found,) = made.glob("*.whl" if what == "wheel" else "*.tar.gz")
    return found


def environment(folder: Path, *requirements: str) -> Path:
    """The Python of a new environment that holds these, in the versions that users are told."""
    subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = folder / "bin" / "python"
    install(python, *requirements)
    return python


def install(python: Path, *requirements: str, links: str = "symlink") -> None:
    """Install into an environment: links into uv's cache, where the lock is already."""
    command = [UV, "pip", "install", "--quiet", "--link-mode", links, "--python", str(python)]
    subprocess.run([*command, "-c", str(ROOT / "constraints.txt"), *requirements], check=True)
