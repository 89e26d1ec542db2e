"""Every mistake: one clear line that names the thing, the cause and the remedy; the right exit code; nothing lost."""
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess

import pytest

from harness import BUILD, FIXTURES, INSTRUMENTS, SOURCE, free_port, run, until

TLS = FIXTURES / "tls"
PLACE = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$")


# ---- configuration ----

# a name, the file, and for each line that must be printed: LINE, COLUMN, words in it
WRONG = {
    "unknown key": ("feeds:\n  deribit: { ulr: wss://x/ws }", [(2, 14, ["ulr", 'did you mean "url"'])]),
    "unknown section": ("fedes: {}", [(1, 1, ["fedes", "feeds"])]),
    "unknown log option": ("log: { levl: info }", [(1, 8, ["levl", 'did you mean "level"'])]),
    "no unit": ("journal: { sync: 1 }", [(1, 18, ["journal.sync", "5s", '"1"'])]),
    "a unit that is none": ("journal: { max_size: 4GB2 }", [(1, 22, ["journal.max_size", "16MiB", "4GB2"])]),
    "too small": ("journal: { max_size: 1MiB }", [(1, 22, ["at least 64MiB"])]),
    "out of range": ("feeds:\n  deribit: { heartbeat_interval: 5s }", [(2, 34, ["between 10s and 60s", "5s"])]),
    "not a number": ("feeds:\n  deribit: { max_channels: many }", [(2, 28, ["whole number", "many"])]),
    "not true or false": ("feeds:\n  deribit: { tls: { verify: yes } }", [(2, 29, ["true or false", "yes"])]),
    "not a choice": ("log: { format: xml }", [(1, 16, ["text", "json", "xml"])]),
    "a key twice": ("journal: { dir: a }\nlog: {}\njournal: { dir: b }", [(3, 1, ["journal", "line 1"])]),
    "no YAML": ("journal: { dir: [a", [(2, 1, ["YAML"])]),
    "unquoted variable": ("journal: { dir: ${HOME} }", [(1, 18, ["in quotes"])]),
    "an alias": ("journal: &x {}\nlog: *x", [(1, 10, ["anchors"]), (2, 6, ["aliases"])]),
    "a tag": ("journal: !!map {}", [(1, 10, ["tags"])]),
    "an unset variable": ('journal: { dir: "${NOT_SET_4711}" }', [(1, 17, ["NOT_SET_4711", "not set", ":-"])]),
    "a secret's file that is not there": ("feeds:\n  deribit: { api_key: k, api_secret: \"file:/nowhere/s\" }",
                                          [(2, 38, ["/nowhere/s"])]),
    "raw without credentials": ("feeds:\n  deribit: { channels: [ticker.raw] }",
                                [(2, 24, ["ticker.raw", "api_key", "api_secret"])]),
    "half of the credentials": ("feeds:\n  deribit: { api_key: k }", [(2, 3, ["api_secret", "api_key"])]),
    "a template that is none": ("feeds:\n  deribit: { channels: [tick.raw] }", [(2, 24, ["tick.raw", "ticker.INTERVAL"])]),
    "a missing plugin": ("feeds:\n  deribt: {}", [(2, 3, ["no plugin deribt", "did you mean deribit"])]),
    "a plugin that nothing is like": ("sinks:\n  x: { plugin: zzzzzzzzzz }", [(2, 16, ["zzzzzzzzzz", "sink_sqlite"])]),
    "the wrong section": ("sinks:\n  deribit: {}", [(2, 3, ["deribit", "belongs under feeds"])]),
    "no mapping": ("feeds: [deribit]", [(1, 8, ["mapping"])]),
    "a name twice": ("feeds:\n  x: { plugin: deribit }\nsinks:\n  x: { plugin: sink_sqlite }", [(2, 3, ["x", "taken"])]),
    "the wrong scheme": ("feeds:\n  deribit: { url: https://x/y }", [(2, 19, ["wss://"])]),
    "several at once": ("log: { levl: info }\njournal: { sync: 1 }\nfeeds:\n  deribit: { ulr: x }",
                        [(1, 8, ["levl"]), (2, 18, ["sync"]), (4, 14, ["ulr"])]),
}


@pytest.mark.parametrize("text, wanted", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_configuration_is_told_by_file_line_and_column(folder, text, wanted):
    config = folder / "wrong.yaml"
    config.write_text(text + "\n")
    result = run("check", "-c", config, "-d", folder)
    assert result.returncode == 78, result
    lines = [PLACE.match(line) for line in result.stderr.splitlines()]
    assert all(lines), result.stderr
    assert all(line["file"] == str(config) for line in lines)
    for number, column, words in wanted:
        found = [line for line in lines if (int(line["line"]), int(line["column"])) == (number, column)
                 and all(word in line["message"] for word in words)]
        assert found, f"no line {number}:{column} with {words} in\n{result.stderr}"
    assert len(lines) == len(wanted), result.stderr


@pytest.mark.parametrize("kind", ["unknown key", "raw without credentials", "a missing plugin", "no YAML"])
def test_the_daemon_does_not_start_with_it_either(folder, kind):
    text, wanted = WRONG[kind]
    config = folder / "wrong.yaml"
    config.write_text(text + "\n")
    result = run("run", "-c", config, "-d", folder)
    assert result.returncode == 78, result
    for number, column, words in wanted:
        assert f"{config}:{number}:{column}: " in result.stderr and all(w in result.stderr for w in words)


def test_a_configuration_that_is_not_there(folder):
    for verb in ("check", "run"):
        result = run(verb, "-c", folder / "nothing.yaml", "-d", folder)
        assert result.returncode == 78
        assert "nothing.yaml" in result.stderr and "-c" in result.stderr
        assert len(result.stderr.splitlines()) == 1


def test_a_wrong_edit_changes_nothing_and_is_said(world):
    daemon = world.daemon(world.simulator()).start()
    daemon.wait_connected()
    good = daemon.config
    daemon.configure("feeds:\n  deribit: { ulr: x }")
    daemon.signal(signal.SIGHUP)
    status = daemon.wait_status(lambda s: s["config"]["state"] != "ok", "the mistake is in the status")
    assert "ulr" in status["config"]["error"] and ":2:14:" in status["config"]["error"]
    assert status["feeds"][0]["state"] == "connected" and status["feeds"][0]["reconnects"] == 0
    daemon.configure(good)
    daemon.signal(signal.SIGHUP)
    status = daemon.wait_status(lambda s: s["config"]["state"] == "ok", "taken")
    assert status["config"]["error"] is None
    assert status["feeds"][0]["reconnects"] == 0
    daemon.stop()


# ---- plugins ----

SOMEONES_PLUGIN = """
#include <feedloom/plugin.h>
static int create(struct fl_ctx *ctx, const void *options, void **state)
{
	(void)ctx; (void)options; *state = (void *)1; return 0;
}
static void destroy(void *state) { (void)state; }
static int start(void *state) { (void)state; return 0; }
FL_PLUGIN_EXPORT const struct fl_plugin feedloom_plugin = {
	.abi = ABI, .size = sizeof(struct fl_plugin), .name = "someones", .version = "1.0", .role = FL_SERVICE,
	.summary = "a test", .create = create, .destroy = destroy, .start = start };
"""


def build_plugin(folder, abi):
    drop_in = folder / "var" / "plugins"
    drop_in.mkdir(parents=True)
    source = folder / "someones.c"
    source.write_text(SOMEONES_PLUGIN)
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    subprocess.run([compiler, "-std=gnu11", "-shared", "-fPIC", "-fvisibility=hidden", f"-DABI={abi}",
                    f"-I{SOURCE}/core/include", "-o", drop_in / "someones.so", source], check=True)
    config = folder / "plugin.yaml"
    config.write_text("services:\n  someones: {}\n")
    return config


def test_a_plugin_of_another_abi_names_both_numbers(folder):
    config = build_plugin(folder, 999)
    for verb in ("check", "run"):
        result = run(verb, "-c", config, "-d", folder)
        assert result.returncode == 78, result
        (line,) = [line for line in result.stderr.splitlines() if PLACE.match(line) and "INFO" not in line]
        assert line.startswith(f"{config}:2:3: ") and "someones.so" in line
        assert "ABI 999" in line and re.search(r"ABI \d+\b(?<!999)", line) and "rebuild" in line


def test_a_plugin_of_this_abi_is_found_in_the_drop_in_folder(folder):
    config = build_plugin(folder, "FL_PLUGIN_ABI")
    result = run("check", "-c", config, "-d", folder)
    assert result.returncode == 0, result
    assert "someones" in run("plugins", "-c", config, "-d", folder).stdout


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh\necho hello\n", b"\x7fELF" + bytes(200)])
def test_a_file_that_is_no_shared_object(folder, content):
    drop_in = folder / "var" / "plugins"
    drop_in.mkdir(parents=True)
    (drop_in / "someones.so").write_bytes(content)
    config = folder / "plugin.yaml"
    config.write_text("services:\n  someones: {}\n")
    result = run("check", "-c", config, "-d", folder)
    assert result.returncode == 78, result
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{config}:2:3: plugin someones: ") and "someones.so" in line


def test_a_plugin_of_the_build_is_complete():
    assert {path.parent.name for path in BUILD.glob("plugins/*/*.so")} >= {
        "control", "deribit", "simulator", "sink_sqlite"}


# ---- certificates ----

def tls_pair(world, name, host, ca_file):
    simulator = world.simulator(cert_file=str(TLS / f"{name}.pem"), key_file=str(TLS / f"{name}-key.pem"))
    daemon = world.daemon(simulator, feed={"url": simulator.url(host), "tls": {"ca_file": str(TLS / ca_file)}})
    return simulator, daemon


BAD_CERTIFICATES = {
    "untrusted": ("server", "localhost", "stranger.pem", ["ca_file"]),
    "for another host": ("other_host", "localhost", "ca.pem", ["localhost"]),
    "expired": ("expired", "localhost", "ca.pem", ["expired"]),
}


@pytest.mark.parametrize("name, host, ca_file, words", BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES.keys())
def test_a_wrong_certificate_is_refused_and_said(world, name, host, ca_file, words):
    simulator, daemon = tls_pair(world, name, host, ca_file)
    daemon.start()

    def is_said(status):
        feed = status["feeds"][0]
        return (feed["state"] == "disconnected" and status["sinks"][0]["state"] == "connected" and
                all(w in (feed["reason"] or "") for w in ["certificate", *words]))
    status = daemon.wait_status(is_said, f"the reason says {words}, and the store is open all the same")
    assert "\n" not in status["feeds"][0]["reason"]
    assert daemon.ask("GET", "/readyz").status == 503 and daemon.ask("GET", "/livez").status == 200
    assert simulator.connections() == []
    checked = run("check", "--connect", "-c", daemon.config_file, "-d", daemon.folder / "probe")
    assert checked.returncode == 69, checked
    (line,) = [line for line in checked.stdout.splitlines() if line.startswith("FAILED")]
    assert "deribit" in line and all(w in line for w in ["certificate", *words])
    daemon.stop()


def test_verification_cannot_be_switched_off_for_a_host_that_is_not_loopback(folder):
    config = folder / "unsafe.yaml"
    config.write_text("feeds:\n  deribit: { url: \"wss://www.deribit.com/ws/api/v2\", tls: { verify: false } }\n")
    result = run("check", "-c", config, "-d", folder)
    assert result.returncode == 78, result
    assert "verify" in result.stderr and "ca_file" in result.stderr


def test_wss_with_a_trusted_certificate_works_from_end_to_end(world):
    simulator, daemon = tls_pair(world, "server", "localhost", "ca.pem")
    checked = run("check", "--connect", "-c", daemon.config_file, "-d", daemon.folder / "probe")
    assert checked.returncode == 0, checked
    assert any(line.startswith("ok") and "deribit" in line for line in checked.stdout.splitlines())
    assert any(line.startswith("ok") and "store" in line for line in checked.stdout.splitlines())
    assert re.search(r"\d+ ms", checked.stdout)
    daemon.start()
    daemon.wait_connected()
    until(lambda: daemon.count("option_quotes"), "quotes")
    assert len(simulator.connections()) == 7
    daemon.stop()


# ---- nobody there, no room, no right ----

def test_a_host_that_refuses_is_said_once_and_dialled_until_it_is_there(world):
    port = free_port()
    daemon = world.daemon(feed={"url": f"ws://127.0.0.1:{port}/ws/api/v2"}).start()
    status = daemon.wait_status(lambda s: "refused" in (s["feeds"][0]["reason"] or ""), "the reason")
    assert status["feeds"][0]["state"] == "disconnected"
    checked = run("check", "--connect", "-c", daemon.config_file, "-d", daemon.folder / "probe")
    assert checked.returncode == 69, checked
    assert any(line.startswith("FAILED") and "deribit" in line and "refused" in line
               for line in checked.stdout.splitlines()), checked
    assert len([line for line in daemon.log().splitlines() if "refused" in line]) <= 3
    simulator = world.simulator(port=port)
    daemon.wait_connected(seconds=120)
    assert simulator.connections()
    daemon.stop()


def test_a_port_in_use_is_named(world):
    daemon = world.daemon(world.simulator())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", daemon.port))
        taken.listen()
        daemon.start()
        assert daemon.wait_exit() == 69
        assert daemon.lines([f"127.0.0.1:{daemon.port}", "in use"]), daemon.log()
    daemon.start()  # the port is free again
    until(lambda: daemon.count("tickers"), "rows land")
    daemon.stop()


UNWRITABLE = "/proc/nothing/here"


def test_a_journal_folder_that_cannot_be_made(world):
    for path in (UNWRITABLE, str(world.folder / "file" / "journal")):
        (world.folder / "file").write_text("")
        daemon = world.daemon(journal={"dir": path}).start()
        assert daemon.wait_exit() == 73
        assert daemon.lines([path]), daemon.log()


def test_a_log_file_that_cannot_be_made(world):
    daemon = world.daemon(log={"file": UNWRITABLE}).start()
    assert daemon.wait_exit() == 73
    (line,) = daemon.lines([UNWRITABLE])


def test_a_store_that_cannot_be_made_is_said_and_the_journal_holds(world):
    simulator = world.simulator()
    daemon = world.daemon(simulator, sink={"path": f"{UNWRITABLE}.db"}).start()
    status = daemon.wait_status(lambda s: s["sinks"][0]["state"] == "disconnected" and
                                UNWRITABLE in (s["sinks"][0]["reason"] or ""), "the reason names the path")
    assert status["journal"]["state"] == "ok"
    daemon.wait_status(lambda s: s["feeds"][0]["instruments"] == INSTRUMENTS and
                       sum(s["journal"]["published"].values()) > 2000, "records wait in the journal")
    daemon.stop()
    daemon.config["sinks"]["store"]["path"] = "feedloom.db"
    daemon.configure(daemon.config)
    daemon.start()
    daemon.wait_connected()
    daemon.wait_drained()
    simulator.quiesce()
    daemon.wait_drained()
    daemon.stop()
    # What was published while there was no store is in it now.
    assert daemon.count("tickers") == simulator.sql("SELECT count(*) FROM sent_tickers")[0][0]


def test_the_state_folder_is_one_process_only(world):
    simulator = world.simulator()
    daemon = world.daemon(simulator).start()
    daemon.wait_connected()
    second = world.process("second", {**daemon.config, "services": {
        "control": {"listen": f"127.0.0.1:{free_port()}"}}}).start()
    assert second.wait_exit() == 69
    assert second.lines([f"{daemon.popen.pid}"]), second.log()
    assert len(second.lines(["ERROR"])) == 1, second.log()
    assert daemon.feed()["state"] == "connected"
    daemon.stop()


# ---- the journal is damaged ----

def stopped_with_unstored_records(world):
    """A journal with records that no store has yet: the store's folder is not there while they come."""
    simulator = world.simulator(message_rate=2000)
    daemon = world.daemon(simulator, sink={"path": f"{UNWRITABLE}.db"}).start()
    daemon.wait_status(lambda s: sum(s["journal"]["published"].values()) > 12000, "12,000 records", 60)
    daemon.stop()
    simulator.quiesce()
    daemon.config["sinks"]["store"]["path"] = "feedloom.db"
    daemon.configure(daemon.config)
    segments = sorted((daemon.folder / "journal").glob("*.seg*")) or [
        path for path in sorted((daemon.folder / "journal").iterdir()) if path.stat().st_size >= 1 << 20]
    assert segments, list((daemon.folder / "journal").iterdir())
    return simulator, daemon, segments


def used_bytes(path):
    """Up to the last byte that is not zero: segments are preallocated."""
    return len(path.read_bytes().rstrip(b"\0"))


def start_on_damaged(daemon):
    daemon.start()
    daemon.wait_status(lambda s: s["sinks"][0]["state"] == "connected" and s["sinks"][0]["lag_records"] == 0,
                       "the rest is stored")


def test_flipped_bytes_in_a_segment_cost_what_is_named_and_no_more(world):
    simulator, daemon, segments = stopped_with_unstored_records(world)
    used = used_bytes(segments[0])
    with open(segments[0], "r+b") as file:
        file.seek(used // 2)
        file.write(os.urandom(64))
    verified = run("journal", "verify", "-c", daemon.config_file, "-d", daemon.folder)
    assert verified.returncode == 1 and "damaged" in verified.stdout, verified
    start_on_damaged(daemon)
    lines = [line for line in daemon.lines(["journal"]) if segments[0].name in line and
             ("WARN" in line or "ERROR" in line)]
    assert len(lines) == 1, daemon.log(whole=False)
    have = daemon.count("tickers") + daemon.count("option_quotes")
    sent = simulator.sql("SELECT count(*) FROM sent WHERE kind IN ('ticker', 'quote')")[0][0]
    assert 0.3 * sent < have, f"{have} of {sent}"  # what stood before the damage is stored
    status = daemon.wait_connected()
    assert status["feeds"][0]["state"] == "connected"
    daemon.stop()
    # What stood behind it is a counted loss or a row of stream_gaps, never silence.
    dropped = daemon.sql("SELECT counts FROM feedloom_cursor")[0][0]
    gaps = daemon.sql("SELECT cause FROM stream_gaps")
    assert '"dropped":0' not in dropped or gaps


def test_a_torn_tail_is_cut_and_everything_before_it_is_there(world):
    simulator, daemon, segments = stopped_with_unstored_records(world)
    used = used_bytes(segments[-1])
    with open(segments[-1], "r+b") as file:
        file.truncate(used - 20)
    verified = run("journal", "verify", "-c", daemon.config_file, "-d", daemon.folder)
    assert verified.returncode == 0, verified  # a torn tail is what a crash leaves, no damage
    start_on_damaged(daemon)
    sent = simulator.sql("SELECT count(*) FROM sent_tickers")[0][0] - INSTRUMENTS
    assert daemon.count("tickers") >= sent
    daemon.stop()


def test_a_file_that_is_no_segment_is_named(world):
    simulator, daemon, segments = stopped_with_unstored_records(world)
    with open(segments[0], "r+b") as file:
        file.write(b"not a segment at all" * 300)
    start_on_damaged(daemon)
    assert [line for line in daemon.log(whole=False).splitlines() if segments[0].name in line], daemon.log(whole=False)
    daemon.wait_connected()
    daemon.stop()


# ---- the store is from the future ----

def test_a_newer_schema_disconnects_the_sink_and_the_journal_holds(world):
    simulator = world.simulator()
    daemon = world.daemon(simulator).start()
    daemon.wait_connected()
    daemon.stop()
    db = sqlite3.connect(daemon.store)
    row = db.execute("SELECT * FROM feedloom_migration ORDER BY 1 DESC LIMIT 1").fetchone()
    names = [c[1] for c in db.execute("PRAGMA table_info(feedloom_migration)")]
    newer = dict(zip(names, row))
    newer[names[0]] = 9999
    db.execute(f"INSERT INTO feedloom_migration ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
               [newer[name] for name in names])
    db.commit()
    before = db.execute("SELECT count(*) FROM tickers_base").fetchone()[0]
    db.close()
    daemon.start()
    status = daemon.wait_status(lambda s: s["sinks"][0]["state"] == "disconnected" and
                                "9999" in (s["sinks"][0]["reason"] or ""), "the reason names the version")
    assert status["journal"]["state"] == "ok"
    daemon.wait_status(lambda s: s["feeds"][0]["state"] == "connected", "the feed goes on")
    migrated = run("migrate", "--status", "-c", daemon.config_file, "-d", daemon.folder)
    assert "9999" in migrated.stdout + migrated.stderr
    daemon.stop()
    db = sqlite3.connect(daemon.store)
    assert db.execute("SELECT count(*) FROM tickers_base").fetchone()[0] == before
    db.execute(f"DELETE FROM feedloom_migration WHERE {names[0]} = 9999")
    db.commit()
    db.close()
    daemon.start()
    daemon.wait_connected()
    simulator.quiesce()
    daemon.wait_drained()
    daemon.stop()
    assert daemon.count("tickers") == simulator.sql("SELECT count(*) FROM sent_tickers")[0][0]
