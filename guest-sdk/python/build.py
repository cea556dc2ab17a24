"""Makes a component of a plugin: `python build.py ENTRY WIT OUT`.

ENTRY is the file that assigns `Handler`; modules are looked for beside it, and in the virtual environment
in use. WIT is a folder with the plugin world and its dependencies. The component imports all of its world,
so the world has what the plugin's modules use of configuration, the log and buckets, and no more; what they
use in a way that cannot be read from their source is added with `--all`.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from modulefinder import ModuleFinder
from pathlib import Path

SERVICES = {
    "Bucket": "keyvalue",
    "Keys": "keyvalue",
    "Level": "logging",
    "config": "config",
    "log": "logging",
}
"""In which world is what a name of `tollgate` needs."""


def sources(entry: Path) -> Iterator[str]:
    """The sources of the modules that belong to the plugin: the entry's and, from beside it, what they import."""
    finder = ModuleFinder(path=[str(entry.parent)])
    finder.run_script(str(entry))
    for module in finder.modules.values():
        if module.__file__ is not None and module.__file__.endswith(".py"):
            yield Path(module.__file__).read_text(encoding="utf-8")


def used(source: str) -> set[str]:
    """What of `SERVICES` a module uses."""
    tree = ast.parse(source)
    aliases, names = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            aliases |= {one.asname or one.name for one in node.names if one.name == "tollgate"}
        elif isinstance(node, ast.ImportFrom) and node.module == "tollgate" and not node.level:
            names |= {one.name for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            names.add(node.attr)
    return set(SERVICES) if "*" in names else names & set(SERVICES)


def world(names: set[str]) -> str:
    """A world with the plugin's own and those that these names need."""
    worlds = ["plugin", *sorted({SERVICES[name] for name in names})]
    included = " ".join(f"include tollgate:plugin/{one}@0.1.0;" for one in worlds)
    return f"package tollgate:built; world built {{ {included} }}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("entry", type=Path, metavar="ENTRY")
    parser.add_argument("wit", type=Path, metavar="WIT")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--all", action="store_true", help="a world with all that the SDK has")
    chosen = parser.parse_args()
    if not chosen.entry.is_file():
        parser.error(f"there is no file `{chosen.entry}`")
    names = set(SERVICES) if chosen.all else set().union(*map(used, sources(chosen.entry)))
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder, "world.wit")
        built.write_text(world(names), encoding="utf-8")
        # The one that belongs to this Python, whatever else is on the path.
        beside = Path(sys.executable).with_name("componentize-py")
        command = [beside if beside.exists() else "componentize-py"]
        command += ["-d", chosen.wit, "-d", built, "-w", "tollgate:built/built", "componentize"]
        command += ["-p", Path(__file__).parent, "-p", chosen.entry.parent, chosen.entry.stem, "-o", chosen.out]
        try:
            return subprocess.run(command, check=False).returncode
        except FileNotFoundError:
            print("componentize-py is not there: `pip install -r requirements.txt` gets it", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
