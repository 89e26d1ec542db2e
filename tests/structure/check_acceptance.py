"""docs/acceptance.md: every test, command and campaign it names exists, and every number of the plans is there."""
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
plans = {name: page.split(f"## {name}:")[1].split("\n## ")[0] for name in "ABC"}
numbers = {"A": [f"AC-{n:03}" for n in range(22)],
           "B": [*(f"AC-{n:03}" for n in range(1, 7)), *(f"SMK-{n:03}" for n in range(1, 8)), "runtime", "abort", "T-009 to T-024",
                 "T-025 to T-030"],
           "C": ["T003 to T012", "US1", "T015 to T022", "US2", "T023 to T029", "US3", "T030 to T037", "T038 to T044", "SC-001",
                 "SC-004", "SC-005"]}
for plan, wanted in numbers.items():
    problems += [f"{plan} {number} is missing" for number in wanted if number not in plans[plan]]
rows = [line for line in page.splitlines() if re.match(r"\| [ABC] ", line)]
for row in rows:
    if "`" not in row and "later" not in row:
        problems.append(f"nothing shows it: {row[:60]}")
if len(rows) < 28 or len(named) < 35:
    problems.append(f"only {len(rows)} rows and {len(named)} tests")
print("\n".join(problems) or f"{len(rows)} rows, {len(named)} tests, all there")
sys.exit(bool(problems))
