"""The log: rotated without losing a line, opened anew on SIGHUP, text or JSON, without secrets."""
import json
import re
import signal

from harness import SECRET, until

TEXT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO |WARN |ERROR) [a-z_0-9/ -]+: .+$")
LIMIT = 64 << 10


def test_a_log_file_is_rotated_and_no_line_is_lost(world):
    """Small files, so that it costs seconds; at the default the same happens at 50 MiB."""
    daemon = world.daemon(world.simulator(), log={"level": "debug", "file": "feedloom.log", "max_size": "64KiB",
                                                  "keep": 3}).start()
    daemon.wait_connected()
    older = daemon.folder / "feedloom.log.2"
    cycles = 0
    while not older.exists() and cycles < 500:  # each says the same some thirty lines
        assert daemon.ask("POST", "/v1/streaming/stop").status == 200
        daemon.wait_status(lambda s: s["feeds"][0]["state"] == "stopped", "stopped")
        assert daemon.ask("POST", "/v1/streaming/start").status == 200
        daemon.wait_connected()
        cycles += 1
    daemon.stop()
    files = [daemon.folder / "feedloom.log.2", daemon.folder / "feedloom.log.1", daemon.folder / "feedloom.log"]
    assert sorted(daemon.folder.glob("feedloom.log*")) == sorted(files)
    lines = []
    for path in files:
        assert path.stat().st_size <= LIMIT + 4096, path
        lines += path.read_text().splitlines()
    assert all(path.stat().st_size > LIMIT / 2 for path in files[:2])
    assert all(TEXT.match(line) for line in lines), [line for line in lines if not TEXT.match(line)][:3]
    stamps = [line[:24] for line in lines]
    assert stamps == sorted(stamps)  # each file goes on where the older one ended
    assert sum("stopped by request; it stays so" in line for line in lines) == cycles
    assert sum("started by request" in line for line in lines) == cycles
    assert sum("connection 1: upgrading > up" in line for line in lines) == cycles + 1
    assert "stopped" in lines[-1]
    assert not daemon.log()  # nothing beside the file


def test_sighup_opens_the_log_file_anew(world):
    daemon = world.daemon(world.simulator(), log={"file": "feedloom.log"}).start()
    daemon.wait_connected()
    log = daemon.folder / "feedloom.log"
    moved = log.with_name("moved.log")
    log.rename(moved)
    daemon.signal(signal.SIGHUP)
    until(lambda: log.exists() and "in force" in log.read_text(), "the new file is written")
    assert "SIGHUP" in moved.read_text() + log.read_text()
    size = moved.stat().st_size
    daemon.stop()
    assert "stopped" in log.read_text() and moved.stat().st_size == size


def test_lines_can_be_json(world):
    daemon = world.daemon(world.simulator(), log={"format": "json", "level": "debug"}).start()
    daemon.wait_connected()
    daemon.stop()
    lines = [json.loads(line) for line in daemon.log().splitlines()]
    assert len(lines) > 10
    for line in lines:
        assert {"level", "message"} <= line.keys() or {"level", "msg"} <= line.keys(), line
        assert line["level"].lower() in ("debug", "info", "warn", "error")
    assert any("deribit" in json.dumps(line) for line in lines)


def test_secrets_are_nowhere(world):
    """Not in the log at debug level, the status, the metrics, the journal or the store; on the wire it works."""
    simulator = world.simulator(secret=SECRET)
    daemon = world.daemon(simulator, log={"level": "debug"}, env={"SECRET_4711": SECRET}, feed={
        "channels": ["ticker.raw", "trades.raw", "quote"], "api_key": "key-4711", "api_secret": "${SECRET_4711}"},
        control={"token": "token-4711"})
    token = {"Authorization": "Bearer token-4711"}
    daemon.start()
    until(lambda: all(c["authenticated"] for c in simulator.status()["connections"]) and simulator.connections(),
          "logged in")
    daemon.wait_connected()
    simulator.drop()
    daemon.wait_connected(seconds=60)
    shown = b"".join(daemon.ask("GET", path, headers=token).body for path in (
        "/v1/streaming/status", "/metrics", "/v1/plugins", "/v1/coverage", "/openapi.json", "/"))
    daemon.configure(json.loads(json.dumps(daemon.config).replace("key-4711", "key-4712")))
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.lines("in force"), "taken")
    daemon.stop()
    secrets = [SECRET.encode(), b"key-4711", b"key-4712", b"token-4711"]
    places = {"answers": shown, "log": daemon.log().encode()}
    for path in daemon.folder.rglob("*"):
        if path.is_file() and path not in (daemon.config_file, simulator.config_file):
            places[str(path)] = path.read_bytes()
    for place, content in places.items():
        for secret in secrets:
            assert secret not in content, f"{secret} is in {place}"


def test_a_wrong_secret_is_said_once(world):
    simulator = world.simulator(secret=SECRET)
    daemon = world.daemon(simulator, feed={"channels": ["ticker.raw", "quote"], "api_key": "k",
                                           "api_secret": "not-it-4711"}).start()
    until(lambda: daemon.lines(["refuses", "api_key"]), "it is said")
    assert len(daemon.lines(["refuses", "api_key"])) == 1
    assert "not-it-4711" not in daemon.log()
    assert daemon.feed()["state"] != "connected"
    daemon.stop()
