"""A plugin that crashes: the next start says which, with the stack; at the third time within ten minutes it is
quarantined while the others stream, until somebody starts it."""
import shutil
import signal

import pytest

from harness import BUILD, SANITIZED, run, until

PLUGINS = BUILD / "tests" / "integration" / "plugins"
SIGNALS = {"segv": signal.SIGSEGV, "abort": signal.SIGABRT, "overflow": signal.SIGSEGV}


def make(world, **sections):
    (world.folder / "plugins").mkdir()
    for name in ("crash_feed", "crash_sink", "crash_service"):
        shutil.copy(PLUGINS / f"{name}.so", world.folder / "plugins")
    simulator = world.simulator(btc_options=6, eth_options=0, futures=0, message_rate=50)
    # A sanitizer reports what it sees first; it need not print the whole stack for us.
    daemon = world.daemon(simulator, plugins={"dir": "plugins"}, env={"ASAN_OPTIONS": "detect_leaks=0"})
    for section, instances in sections.items():
        daemon.config[section].update(instances)
    daemon.configure(daemon.config)
    return daemon


def find(daemon, section, key, name):
    return next(i for i in daemon.status()[section] if i[key] == name)


def died(daemon, how):
    code = daemon.wait_exit()
    assert code in ((-SIGNALS[how], 1) if SANITIZED else (-SIGNALS[how],)), code


def crash(daemon, how):
    try:
        daemon.ask("POST", "/v1/feeds/bad/subscribe", {"instruments": [how]})
    except OSError:
        pass  # nobody is there to answer
    died(daemon, how)


def test_a_feed_that_crashes_is_quarantined_while_the_others_stream(world):
    daemon = make(world, feeds={"bad": {"plugin": "crash_feed"}})
    for number, how in enumerate(("segv", "abort", "overflow")):
        daemon.start()
        until(lambda: find(daemon, "feeds", "feed", "deribit")["state"] == "connected", "the other streams")
        if number > 0:
            said = daemon.lines(["the process before ended by", "plugin instance bad"])
            assert len(said) == 1 and "ERROR bad: " in said[0]
            assert len(daemon.lines(["ERROR bad: ", "(+0x"])) >= 2, "the stack"
        crash(daemon, how)

    daemon.start()
    until(lambda: find(daemon, "feeds", "feed", "deribit")["state"] == "connected", "the other streams")
    bad = find(daemon, "feeds", "feed", "bad")
    assert bad["state"] == "quarantined" and "3 times within 10 minutes, last by SIGSEGV" in bad["reason"]
    assert daemon.metric('feedloom_feed_state{feed="bad"}') == -1
    assert daemon.ask("POST", "/v1/feeds/bad/subscribe", {"instruments": ["segv"]}).status in (404, 409, 503)
    until(lambda: daemon.sql("SELECT count(*) FROM lifecycle_events WHERE event_type = 'stream_quarantined'")
          == [(1,)], "the store knows")
    count = daemon.count("option_quotes")
    until(lambda: daemon.count("option_quotes") > count, "quotes go on")

    daemon.stop()  # it is not forgotten by a restart, nor by a changed option of its own
    daemon.config["feeds"]["bad"]["after"] = "2s"
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: find(daemon, "feeds", "feed", "bad")["state"] == "quarantined", "it still is")
    assert not daemon.lines("the process before ended by")

    assert daemon.ask("POST", "/v1/streaming/start", {"feeds": ["bad"]}).status == 200
    assert find(daemon, "feeds", "feed", "bad")["state"] != "quarantined"
    assert daemon.metric('feedloom_feed_state{feed="bad"}') >= 0
    crash(daemon, "segv")  # it counts from one again
    daemon.start()
    until(lambda: find(daemon, "feeds", "feed", "bad")["state"] != "quarantined", "it may try again")
    daemon.stop()


@pytest.mark.parametrize("section, key, instance", [
    ("sinks", "sink", {"plugin": "crash_sink", "how": "segv"}),
    ("services", "service", {"plugin": "crash_service", "how": "segv", "after": "300ms"})])
def test_a_sink_or_a_service_is_quarantined_too(world, section, key, instance):
    daemon = make(world, **{section: {"bad": instance}})
    for _ in range(3):
        daemon.start()
        died(daemon, "segv")
    daemon.start()
    until(lambda: find(daemon, section, key, "bad")["state"] == "quarantined", "it is not started")
    until(lambda: find(daemon, "feeds", "feed", "deribit")["state"] == "connected", "the others stream")
    until(lambda: daemon.count("option_quotes") > 10, "and are stored")
    # Not a feed, but what is in quarantine can be started by name.
    daemon.config[section]["bad"]["how"] = "not"
    daemon.stop()
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: find(daemon, section, key, "bad")["state"] == "quarantined", "it still is")
    assert daemon.ask("POST", "/v1/streaming/start", {"feeds": ["bad"]}).status == 200
    assert find(daemon, section, key, "bad")["state"] != "quarantined"
    daemon.kill()


def test_the_control_service_is_let_out_by_the_command_line(world):
    """Nobody takes a request then."""
    daemon = make(world)
    daemon.config["services"]["control"] = {"plugin": "crash_service", "how": "segv", "after": "300ms"}
    daemon.configure(daemon.config)
    for _ in range(3):
        daemon.start()
        died(daemon, "segv")
    daemon.config["services"]["control"] = {"listen": f"127.0.0.1:{daemon.port}"}
    daemon.configure(daemon.config)
    daemon.start()
    until(lambda: daemon.lines(["control:", "quarantine"]), "it is not started")
    common = ("-c", daemon.config_file, "-d", daemon.folder)
    assert run("release", "nobody", *common).returncode == 1
    assert run("release", *common).returncode == 64
    released = run("release", "control", *common)
    assert released.returncode == 0 and "3 crashes are forgotten" in released.stdout, released
    daemon.signal(signal.SIGHUP)
    until(lambda: daemon.ask("GET", "/livez").status == 200, "it runs")
    assert daemon.lines("out of quarantine")
    daemon.stop()


def test_the_journals_handler_passes_on_what_is_not_its_own(world):
    daemon = make(world)
    daemon.start()
    daemon.wait_connected(6)
    daemon.signal(signal.SIGBUS)
    code = daemon.wait_exit()
    assert code in ((-signal.SIGBUS, 1) if SANITIZED else (-signal.SIGBUS,)), code
    daemon.start()
    daemon.wait_connected(6)
    assert daemon.lines("the process before ended by SIGBUS")
    daemon.stop()


def test_a_process_that_is_killed_is_nobodys_crash(world):
    daemon = make(world, feeds={"bad": {"plugin": "crash_feed"}})
    for _ in range(4):
        daemon.start()
        daemon.wait_status(lambda s: any(f["state"] == "connected" for f in s["feeds"]), "it streams")
        daemon.kill()
    daemon.start()
    daemon.wait_status(lambda s: any(f["state"] == "connected" for f in s["feeds"]), "it streams")
    assert not daemon.lines("the process before ended by")
    assert find(daemon, "feeds", "feed", "bad")["state"] != "quarantined"
    daemon.stop()
