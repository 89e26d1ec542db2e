"""docs/acceptance.md: every test, command and campaign it names exists, and every number of plan A is there."""
import os
import re
import sys
from pathlib import Path

source = Path(os.environ["FEEDLOOM_SOURCE"])
page = (source / "docs" / "acceptance.md").read_text(encoding="utf-8")
problems = []


def read(path):
    return path.read_text(encoding="utf-8")


def defines(code, name):
    """A Python test, or a C one that its file also runs."""
    if re.search(rf"^\s*def {name}\(", code, re.M):
        return True
    return bool(re.search(rf"^static void {name}\(", code, re.M)) and len(re.findall(rf"\b{name}\b", code)) > 1


named = re.findall(r"`(tests/[^`:]+)::(\w+)`", page)
for path, name in named:
    if not (source / path).exists():
        problems.append(f"{path}: no such file")
    elif not defines(read(source / path), name):
        problems.append(f"{path}: no test {name}")
campaigns = "".join(read(p) for p in (source / "tests" / "torture").glob("*.py"))
for name in re.findall(r"`\./dev torture (\w+)`", page):
    if not re.search(rf'Campaign\(\s*"{name}"', campaigns):
        problems.append(f"no campaign {name}")
verbs = "".join(read(p) for p in (source / "core" / "cli").glob("cmd_*.c"))
for name in re.findall(r"`feedloom (\w+)", page):
    if f'.name = "{name}"' not in verbs:
        problems.append(f"no verb {name}")
plan_a = page.split("## A:")[1].split("## B:")[0]
for number in range(22):
    if f"AC-{number:03}" not in plan_a:
        problems.append(f"A AC-{number:03} is missing")
rows = [line for line in page.splitlines() if re.match(r"\| [ABC] ", line)]
for row in rows:
    if "`" not in row and "later" not in row:
        problems.append(f"nothing shows it: {row[:60]}")
if len(rows) < 26 or len(named) < 25:
    problems.append(f"only {len(rows)} rows and {len(named)} tests")
print("\n".join(problems) or f"{len(rows)} rows, {len(named)} tests, all there")
sys.exit(bool(problems))
