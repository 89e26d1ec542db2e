"""What a campaign is, and how it says how far it is.

A campaign is a file of this folder with `CAMPAIGNS`, a list of Campaign: `./dev torture` finds it, lists it and
parses its options. `run(options, progress)` does the work and raises AssertionError at a violation; what it needs
of processes, ledgers and stores is in tests/integration (harness.py, agreement.py, compare.py).
"""
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "integration"))

import conftest  # noqa: E402


@dataclass
class Option:
    default: object  # its type is the option's
    help: str


@dataclass
class Campaign:
    name: str
    shows: str  # what is proven when it passes
    lasts: str  # about how long, as it is by default
    run: object
    options: dict = field(default_factory=dict)


class Progress:
    """Lines on the terminal: how much is done, and about how long the rest takes. At most one in ten seconds."""

    def __init__(self, name, every=10):
        self.name, self.every = name, every
        self.begun, self.said = time.monotonic(), -every

    def say(self, text):
        print(f"{self.name}: {text}", flush=True)

    def at(self, done, total, text):
        now = time.monotonic()
        if now - self.said < self.every and done < total:
            return
        self.said = now
        left = (now - self.begun) / done * (total - done) if done > 0 else None
        about = "" if left is None else f"; about {left / 60:.0f} min left" if left > 90 else f"; about {left:.0f} s left"
        self.say(f"{100 * done / total:.0f} %: {text}{about}")


@contextmanager
def world(progress):
    """Processes in a folder of their own, which stays for whoever looks into it when something was wrong."""
    folder = Path(tempfile.mkdtemp(prefix="feedloom-torture-", dir="/var/tmp"))
    try:
        with conftest.new_world(folder) as made:
            yield made
    except BaseException:
        progress.say(f"logs, ledger and store are in {folder}")
        raise
    shutil.rmtree(folder, ignore_errors=True)


def defaults(campaign, **changed):
    """Its options as if nothing had been said on the command line, for the short forms in tests/integration."""
    values = {name: option.default for name, option in campaign.options.items()}
    assert changed.keys() <= values.keys(), changed
    return type("Options", (), {**values, **changed})
