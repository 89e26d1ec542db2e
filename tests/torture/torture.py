"""Long campaigns against the real programs: ./dev torture [NAME [OPTIONS]]. Exit code 1: something was violated."""
import argparse
import importlib
import sys
import time
from pathlib import Path

from campaign import Progress

HERE = Path(__file__).parent


def campaigns():
    found = {}
    for path in sorted(HERE.glob("*.py")):
        if path.stem != "torture":
            for campaign in getattr(importlib.import_module(path.stem), "CAMPAIGNS", []):
                found[campaign.name] = campaign
    return found


def parse(every):
    parser = argparse.ArgumentParser(
        prog="./dev torture", usage="./dev torture [NAME [OPTIONS]]", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Campaigns that look for what must never happen, with progress and an estimate.\n"
                    "Without a name all of them run, one after the other. Exit code 1: a violation.",
        epilog="./dev torture NAME --help lists the options of one. Short forms of all run in ./dev test.")
    names = parser.add_subparsers(dest="name", metavar="NAME", title="campaigns")
    for campaign in every.values():
        text = f"{campaign.shows} ({campaign.lasts})"
        sub = names.add_parser(campaign.name, prog=f"./dev torture {campaign.name}", help=text.replace("%", "%%"),
                               description=text)
        for name, option in campaign.options.items():
            shown = f" (default {option.default})" if option.default else ""
            sub.add_argument("--" + name.replace("_", "-"), type=type(option.default), default=option.default,
                             help=(option.help + shown).replace("%", "%%"))
    return parser.parse_args()


def run(campaign, options):
    progress = Progress(campaign.name)
    progress.say(f"{campaign.shows}; {campaign.lasts}")
    begun = time.monotonic()
    try:
        campaign.run(options, progress)
    except AssertionError as error:
        progress.say(f"VIOLATION: {error}")
        return False
    progress.say(f"passed in {(time.monotonic() - begun) / 60:.1f} min")
    return True


def main():
    every = campaigns()
    options = parse(every)
    if options.name is not None:
        return 0 if run(every[options.name], options) else 1
    failed = [name for name, campaign in every.items()
              if not run(campaign, argparse.Namespace(**{n: o.default for n, o in campaign.options.items()}))]
    print("violations: " + (", ".join(failed) if failed else "none"))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
