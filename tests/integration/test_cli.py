"""The verbs of the program: what they print and how they end."""
import json
import subprocess

import pytest

from harness import BUILD, INSTRUMENTS, SOURCE, free_port, run, until

VERBS = ["run", "check", "migrate", "status", "plugins", "journal", "release", "audit", "backfill"]


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb):
    result = run(verb, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"usage: feedloom {verb}")
    assert "-c FILE" in result.stdout and "-d DIR" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


@pytest.mark.parametrize("command", ["run", "build", "test", "sim", "fuzz", "bench", "fmt", "tidy", "clean"])
def test_each_command_of_dev_has_help_and_does_nothing(command):
    result = subprocess.run([SOURCE / "dev", command, "--help"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"  {command} ") and len(result.stdout.splitlines()) < 8


def test_the_program_says_what_it_can():
    result = run("--help")
    assert result.returncode == 0
    assert all(f"  {verb}" in result.stdout for verb in VERBS)
    assert run("--version").stdout.startswith("feedloom ")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("run", "--nonsense"), ("run", "-c"),
                                       ("journal",), ("journal", "nonsense")])
def test_wrong_usage_is_64(arguments):
    result = run(*arguments)
    assert result.returncode == 64, result
    assert result.stderr and not result.stdout


def test_plugins_are_listed_with_their_roles(folder):
    result = run("plugins", "-d", folder)
    assert result.returncode == 0
    lines = {line.split()[0]: line.split()[1] for line in result.stdout.splitlines()}
    assert lines.items() >= {"deribit": "feed", "sink_sqlite": "sink", "control": "service",
                             "simulator": "service"}.items()


@pytest.mark.parametrize("name, words", [
    ("deribit", ["url", "wss://www.deribit.com/ws/api/v2", "currencies", "[BTC, ETH]", "max_channels", "500",
                 "heartbeat_interval", "subscribe"]),
    ("sink_sqlite", ["path", "retention", "batch_rows", "commit_floor"]),
    ("control", ["listen", "127.0.0.1:8080", "token", "trust"]),
    ("simulator", ["message_rate", "ledger"]),
    ("core", ["journal", "max_size", "4GiB", "level"]),
])
def test_the_reference_of_a_plugin_is_printed(folder, name, words):
    result = run("plugins", name, "-d", folder)
    assert result.returncode == 0, result
    for word in words:
        assert word in result.stdout, f"{word} is not in the reference of {name}"


def test_a_plugin_is_sealed_once_and_what_is_none_not_at_all(folder):
    plugin, text = folder / "mine.so", folder / "text.so"
    plugin.write_bytes((BUILD / "plugins" / "deribit" / "deribit.so").read_bytes()[:-48])
    text.write_text("no plugin\n")
    for said in ("sealed", "is sealed"):
        result = run("plugins", "--seal", plugin)
        assert (result.returncode, result.stdout) == (0, f"{plugin}: {said}\n"), result
    assert plugin.read_bytes() == (BUILD / "plugins" / "deribit" / "deribit.so").read_bytes()
    with open(plugin, "r+b") as file:
        file.seek(5000)
        file.write(b"changed")
    result = run("plugins", "--seal", plugin, text, folder / "nowhere.so")
    assert result.returncode == 74 and result.stdout == f"{plugin}: sealed anew\n", result
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == [str(text), str(folder / "nowhere.so")]
    assert run("plugins", "--seal", text).returncode == 1
    assert run("plugins", "--seal").returncode == 64
    assert run("plugins", "deribit", "control", "-d", folder).returncode == 64


def test_a_plugin_that_is_not_there(folder):
    result = run("plugins", "nonsense", "-d", folder)
    assert result.returncode == 69 and "nonsense" in result.stderr


def test_status_when_there_is_no_daemon_is_69(folder):
    (folder / "c.yaml").write_text(f"services: {{ control: {{ listen: \"127.0.0.1:{free_port()}\" }} }}\n")
    result = run("status", "-c", folder / "c.yaml", "-d", folder)
    assert result.returncode == 69, result
    assert len(result.stderr.splitlines()) == 1 and "refused" in result.stderr


def test_status_says_everything_on_one_screen(world):
    daemon = world.daemon(world.simulator()).start()
    daemon.wait_connected()
    until(lambda: daemon.ask("GET", "/readyz").status == 200, "ready")
    result = run("status", "-c", daemon.config_file, "-d", daemon.folder)
    assert result.returncode == 0, result
    assert len(result.stdout.splitlines()) < 30
    for word in ("ready", "deribit", f"{INSTRUMENTS} instruments", "store", "rows", "journal", "BTC", "ETH"):
        assert word in result.stdout, result.stdout
    # The same with the address given; and 1 where the daemon is not ready.
    address = ["--address", f"127.0.0.1:{daemon.port}", "-c", daemon.config_file]
    assert run("status", *address).returncode == 0
    world.processes[0].stop()
    daemon.wait_status(lambda s: s["feeds"][0]["state"] == "disconnected", "disconnected")
    result = run("status", *address)
    assert result.returncode == 1, result
    assert "not ready" in result.stdout
    daemon.stop()


def test_the_journal_can_be_looked_at(world):
    daemon = world.daemon(world.simulator()).start()
    daemon.wait_connected()
    where = ["-c", daemon.config_file, "-d", daemon.folder]
    assert run("journal", "info", *where).returncode == 0  # also while it runs
    daemon.stop()
    info = run("journal", "info", *where)
    assert info.returncode == 0 and "segments" in info.stdout, info
    counts = {line.split()[0]: int(line.split()[1]) for line in info.stdout.splitlines()
              if line.startswith("  ") and len(line.split()) == 2}
    assert counts["ticker"] >= INSTRUMENTS and counts["instrument"] >= INSTRUMENTS
    verify = run("journal", "verify", *where)
    assert verify.returncode == 0 and verify.stdout.splitlines()[-1] == "whole", verify
    dump = run("journal", "dump", *where)
    assert dump.returncode == 0
    records = [json.loads(line) for line in dump.stdout.splitlines()]
    assert len(records) == sum(counts.values())
    tickers = [r for r in records if r.get("kind") == "ticker"]
    assert len(tickers) == counts["ticker"]
    assert len({str(t.get("instrument")) for t in tickers}) == INSTRUMENTS
    missing = run("journal", "info", "-c", daemon.config_file, "-d", daemon.folder / "elsewhere")
    assert missing.returncode == 66 and "elsewhere" in missing.stderr


def test_the_schema_is_shown_planned_and_applied(folder):
    config = folder / "c.yaml"
    config.write_text("sinks: { store: { plugin: sink_sqlite, path: feedloom.db } }\n")
    where = ["-c", config, "-d", folder]
    dry = run("migrate", "--dry-run", *where)
    assert dry.returncode == 0 and "0001" in dry.stdout, dry
    assert "pending" in run("migrate", "--status", *where).stdout
    assert not (folder / "feedloom.db").exists() or (folder / "feedloom.db").stat().st_size == 0
    done = run("migrate", *where)
    assert done.returncode == 0, done
    status = run("migrate", "--status", *where)
    assert status.returncode == 0 and "pending" not in status.stdout and "0001" in status.stdout, status
    assert run("migrate", *where).returncode == 0  # again: nothing to do


def test_check_is_content_with_the_shipped_configurations(folder):
    from harness import SOURCE
    for path in sorted((SOURCE / "etc").glob("*.yaml")):
        result = run("check", "-c", path, "-d", folder)
        assert result.returncode == 0, result
        assert result.stdout == f"{path}: fine\n"
